package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/examples/internal/guesttest"
)

// config shares compiled code among the tests.
var config wazero.RuntimeConfig

func TestMain(m *testing.M) { os.Exit(guesttest.Run(m, &config)) }

func newImage(t *testing.T) *guest.Image {
	t.Helper()
	image, err := openImage(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := image.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return image
}

// longText has words of all lengths, some of them cut by the end of the buffer, and says how often
// each occurs.
func longText() (string, map[string]uint32) {
	var text strings.Builder
	counts := map[string]uint32{}
	for i := range 30_000 {
		word := strings.Repeat(string(rune('a'+i%26)), 1+i%17)
		counts[word]++
		text.WriteString(strings.ToUpper(word[:1]) + word[1:] + ", ."[i%3:3])
	}
	return text.String(), counts
}

// check counts a text in one thread and compares with what Go counts.
func check(ctx context.Context, thread *guest.Thread, text string,
	counts map[string]uint32) (err error) {
	words, err := NewWords(ctx, thread)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, words.Close(ctx, thread)) }()
	if err := words.Add(ctx, thread, strings.NewReader(text)); err != nil {
		return err
	}
	all := uint32(0)
	for _, n := range counts {
		all += n
	}
	if total, different, err := words.Total(ctx, thread); err != nil || total != all ||
		int(different) != len(counts) {
		return fmt.Errorf("%d words, %d different, %w; want %d and %d", total, different, err, all,
			len(counts))
	}
	report, err := words.Report(ctx, thread, "json", nil, 0)
	if err != nil {
		return err
	}
	got := map[string]uint32{}
	if err := json.Unmarshal([]byte(report), &got); err != nil || !maps.Equal(got, counts) {
		return fmt.Errorf("counts %v, %w; want %v", got, err, counts)
	}
	report, err = words.Report(ctx, thread, "csv", longestFirst, 0)
	if err != nil {
		return err
	}
	want := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if longestFirst(a, 0, b, 0) {
			return -1
		}
		return 1
	})
	lines := strings.Split(strings.TrimSpace(report), "\n")
	if len(lines) != len(want)+1 || lines[0] != "word,count" {
		return fmt.Errorf("%d lines, the first is %q", len(lines), lines[0])
	}
	for i, word := range want {
		if line := fmt.Sprintf("%s,%d", word, counts[word]); lines[i+1] != line {
			return fmt.Errorf("line %d is %q, want %q", i+1, lines[i+1], line)
		}
	}
	return nil
}

// TestWords counts in one thread, and in four at once.
func TestWords(t *testing.T) {
	text, counts := longText()
	for _, n := range []int{1, 4} {
		t.Run(fmt.Sprint(n, " threads"), func(t *testing.T) {
			threads, err := newImage(t).Threads(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for _, thread := range threads {
				wg.Go(func() {
					if err := check(t.Context(), thread, text, counts); err != nil {
						t.Errorf("thread %d: %v", thread.ID(), err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestObjectMovesBetweenThreads makes an object with virtual functions in one thread and uses it in
// others.
func TestObjectMovesBetweenThreads(t *testing.T) {
	ctx := t.Context()
	threads, err := newImage(t).Threads(ctx, 4)
	if err != nil {
		t.Fatal(err)
	}
	words, err := NewWords(ctx, threads[0])
	if err != nil {
		t.Fatal(err)
	}
	for i, thread := range threads {
		if err := words.Add(ctx, thread, strings.NewReader("the linker; The lock")); err != nil {
			t.Fatal(err)
		}
		report, err := words.Report(ctx, threads[(i+1)%4], "table", nil, 2)
		if want := fmt.Sprintf("%6d  the\n%6d  linker\n", 2*(i+1), i+1); err != nil ||
			report != want {
			t.Errorf("thread %d: %q, %v; want %q", i, report, err, want)
		}
	}
	if err := words.Close(ctx, threads[2]); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	ctx, thread := t.Context(), newImage(t).Main()
	words, err := NewWords(ctx, thread)
	if err != nil {
		t.Fatal(err)
	}
	if report, err := words.Report(ctx, thread, "xml", nil, 0); err == nil || report != "" {
		t.Errorf("a format that nobody has: %q, %v", report, err)
	}
	broken := errors.New("broken")
	if err := words.Add(ctx, thread, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a reader that fails: %v", err)
	}
	if err := words.Add(ctx, thread,
		strings.NewReader(strings.Repeat("x", bufferSize))); err == nil {
		t.Error("a word that does not fit is no error")
	}
	if report, err := words.Report(ctx, thread, "csv", nil, 0); err != nil ||
		report != "word,count\n" {
		t.Errorf("report %q, %v; want none of it", report, err)
	}
}

func TestCommand(t *testing.T) {
	const text = "A linker links; a lock locks. Links!"
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"-"}, "     2  a\n     2  links\n     1  linker\n     1  lock\n     1  locks\n"},
		{[]string{"-n", "1", "-format", "csv", "-"}, "word,count\na,2\n"},
		{[]string{"-n", "2", "-format", "json", "-by", "length", "-"},
			"{\"linker\":1,\"links\":2}\n"},
	} {
		var out, stderr bytes.Buffer
		err := command(t.Context(), config, tt.args, strings.NewReader(text), &out, &stderr)
		if err != nil || out.String() != tt.want || stderr.Len() > 0 {
			t.Errorf("%v: %q, %v; want %q; standard error %q", tt.args, &out, err, tt.want, &stderr)
		}
	}
	for _, args := range [][]string{nil, {"-by", "weight", "-"}, {"-format", "xml", "-"}} {
		if err := command(t.Context(), config, args, strings.NewReader(text), io.Discard,
			io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
	if err := command(t.Context(), config, []string{"none"}, nil, io.Discard,
		io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
