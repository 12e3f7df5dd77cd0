package lincheck

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lockstep-wasm/lockstep/model"
)

const header = `{"format":"lockstep-history","version":3,"seed":7,"stamps":"ordered","universe":{"main":{"name":"main"},"rules":{}}}` + "\n"

var (
	header1 = strings.Replace(header, `"version":3`, `"version":1`, 1)
	header2 = strings.Replace(header, `"version":3`, `"version":2`, 1)
)

func TestHistoryFile(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	histories := map[string]*History{
		"by hand": goodHistory(),
		"empty":   {Universe: toyUniverse(), Seed: 1<<64 - 1, Stamps: Plain},
		"simulated": simulate(toyUniverse(),
			simulation{clients: 4, operations: 300, numbered: true, unknown: 5}, rng.IntN),
	}
	for name, h := range histories {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			if err := WriteHistory(&file, h); err != nil {
				t.Fatal(err)
			}
			text := file.String()
			if lines := strings.Count(text, "\n"); lines != 2+len(h.Operations) {
				t.Errorf("%d lines for %d operations", lines, len(h.Operations))
			}
			read, err := ReadHistory(&file)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(read, h) {
				t.Errorf("read back differently:\n%s", text)
			}
		})
	}
}

func TestReadHistoryErrors(t *testing.T) {
	const op = `{"client":0,"call":1,"return":4,"in":{"op":"open","library":"a"},"out":{"handle":1,"commit":1}}` + "\n"
	tests := []struct {
		name, text string
		line       int
		cause      error  // or
		message    string // part of the text
	}{
		{"empty", "", 1, ErrFormat, ""},
		{"not JSON", "hello\n", 1, ErrFormat, ""},
		{"another format", `{"format":"x"}`, 1, ErrFormat, `format "x"`},
		{"a later version", `{"format":"lockstep-history","version":4,"colour":1}`, 1, ErrVersion,
			"4, not 1 to 3"},
		{"an earlier version than the first", `{"format":"lockstep-history","version":0}`, 1,
			ErrVersion, "0, not 1 to 3"},
		{"local in version 1", header1 + op +
			strings.Replace(op, `"library"`, `"local":true,"library"`, 1), 3, ErrVersion,
			`1 has no "local"`},
		{"no load in version 1", header1 +
			strings.Replace(op, `"library"`, `"no_load":true,"library"`, 1), 2, ErrVersion,
			`1 has no "no_load"`},
		{"next in version 1", header1 + strings.Replace(op, `"open"`, `"symbol","next":true`, 1), 2,
			ErrVersion, `1 has no "next"`},
		{"set closure in version 2", header2 + strings.Replace(op, `"open"`, `"set-closure"`, 1), 2,
			ErrVersion, `2 has no "set-closure"`},
		{"handle per open in version 2",
			strings.Replace(header2, `"rules":{`, `"rules":{"handle_per_open":true`, 1), 1,
			ErrVersion, `2 has neither "handle_per_open"`},
		{"unknown field in header", strings.Replace(header, `"seed"`, `"sead"`, 1), 1, nil, "sead"},
		{"unknown stamps", strings.Replace(header, `"ordered"`, `"sideways"`, 1), 1, nil,
			"sideways"},
		{"unknown field of an operation", header + op + strings.Replace(op, "client", "cleint", 1),
			3, nil, "cleint"},
		{"unknown operation", header + strings.Replace(op, `"open"`, `"opne"`, 1), 2, nil, "opne"},
		{"unknown field deep inside", header + strings.Replace(op, `"handle"`, `"hendle"`, 1), 2,
			nil, "hendle"},
		{"number too large", header + strings.Replace(op, `"commit":1`, `"commit":-1`, 1), 2, nil,
			"commit"},
		{"two values", header + strings.TrimSpace(op) + op, 2, ErrTrailing, ""},
		{"empty line", header + op + "\n" + op, 3, nil, "empty line"},
		{"cut off", header + op[:len(op)/2], 2, ErrTruncated, "unexpected EOF"},
		{"known without return", header + strings.Replace(op, `"return":4,`, "", 1), 2, ErrOutcome,
			""},
		{"unknown with return", header +
			strings.Replace(op, `"handle":1,"commit":1`, `"unknown":true`, 1), 2, ErrOutcome, ""},
		{"no end", header + op, 3, ErrTruncated, ""},
		{"an operation is missing", header + op + `{"end":true,"operations":2}`, 3, ErrTruncated,
			"1 operations of 2"},
		{"no end after all", header + op + `{"end":false,"operations":1}`, 3, ErrTruncated, ""},
		{"operation after the end", header + op + `{"end":true,"operations":1}` + "\n" + op, 4,
			ErrAfterEnd, ""},
		{"unknown field at the end", header + `{"end":true,"operations":0,"x":1}`, 2, nil, "x"},
		{"an end in version 1", header1 + `{"end":true,"operations":0}`, 2, nil, "end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := ReadHistory(strings.NewReader(test.text))
			var format *FormatError
			switch {
			case !errors.As(err, &format):
				t.Fatalf("got %v, want a FormatError", err)
			case format.Line != test.line:
				t.Errorf("got line %d, want %d: %v", format.Line, test.line, err)
			case test.cause != nil && !errors.Is(err, test.cause):
				t.Errorf("got %v, want %v", err, test.cause)
			case !strings.Contains(err.Error(), test.message):
				t.Errorf("got %v, want %q", err, test.message)
			}
		})
	}
	broken := errors.New("broken")
	var format *FormatError
	if _, err := ReadHistory(iotest.ErrReader(broken)); !errors.Is(err, broken) ||
		errors.As(err, &format) {
		t.Errorf("a failing reader: %v", err)
	}
}

// A history that stops anywhere before its last line is refused, whatever is left of it.
func TestTruncatedHistories(t *testing.T) {
	var file bytes.Buffer
	if err := WriteHistory(&file, goodHistory()); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	for n := range len(text) - 1 { // without the last byte, the end of the line, it is whole
		if h, err := ReadHistory(strings.NewReader(text[:n])); err == nil || h != nil {
			t.Fatalf("%d of %d bytes were read as a history", n, len(text))
		}
	}
}

// Lines of any length that are written are read.
func TestLongLines(t *testing.T) {
	for _, n := range []int{maxText - 300, maxText, 3 * maxText, 1 << 20, 5 << 20} {
		h := goodHistory()
		h.Operations[firstCall].Output.Trap = model.TrapClass(strings.Repeat("x", n))
		h.Universe.Main.Name = strings.Repeat("y", n)
		var file bytes.Buffer
		if err := WriteHistory(&file, h); err != nil {
			t.Fatal(err)
		}
		read, err := ReadHistory(&file)
		if err != nil || !reflect.DeepEqual(read, h) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// failingWriter fails at once.
type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteHistoryErrors(t *testing.T) {
	broken := errors.New("broken")
	if err := WriteHistory(failingWriter{broken}, goodHistory()); !errors.Is(err, broken) {
		t.Errorf("a failing writer: %v", err)
	}
	h := goodHistory()
	h.Operations[firstCall].Return = Never
	if err := WriteHistory(&bytes.Buffer{}, h); !errors.Is(err, ErrOutcome) {
		t.Errorf("a known outcome without return: %v", err)
	}
	h = goodHistory()
	h.Stamps = 9
	if err := WriteHistory(&bytes.Buffer{}, h); err == nil {
		t.Error("stamps without a name were written")
	}
	h = goodHistory()
	h.Operations[firstCall].Input.Op = 99
	if err := WriteHistory(&bytes.Buffer{}, h); err == nil {
		t.Error("an operation without a name was written")
	}
}

// Whatever can be read can be written and read again, and judged without a panic.
func FuzzReadHistory(f *testing.F) {
	f.Add([]byte(header))
	for _, c := range append([]corruption{{corrupt: func(*History) {}}}, corruptions...) {
		h := goodHistory()
		c.corrupt(h)
		var file bytes.Buffer
		if err := WriteHistory(&file, h); err != nil {
			f.Fatal(err)
		}
		f.Add(file.Bytes())
	}
	f.Add([]byte(header1))
	rng := rand.New(rand.NewPCG(8, 9))
	var file bytes.Buffer
	if err := WriteHistory(&file,
		simulate(toyUniverse(), simulation{clients: 3, operations: 20, unknown: 3},
			rng.IntN)); err != nil {
		f.Fatal(err)
	}
	f.Add(file.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ReadHistory(bytes.NewReader(text))
		if err != nil {
			if h != nil {
				t.Error("a history and an error")
			}
			return
		}
		var first, second bytes.Buffer
		if err := WriteHistory(&first, h); err != nil {
			t.Fatal(err)
		}
		again, err := ReadHistory(bytes.NewReader(first.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if err := WriteHistory(&second, again); err != nil {
			t.Fatal(err)
		}
		if first.String() != second.String() {
			t.Errorf("written as\n%s\nand then as\n%s", &first, &second)
		}
		limits := Limits{Steps: 2000, Memory: 1 << 20, Branches: 8, Round: 2}
		for _, r := range []Result{Judge(h, limits), Check(h, limits)} {
			if (r.Verdict == Undecided) != (r.Err != nil) ||
				(r.Verdict == Violation) != (r.Explanation != "") {
				t.Errorf("verdict %v with error %v and explanation %q", r.Verdict, r.Err,
					r.Explanation)
			}
		}
	})
}
