package trace_test

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// What the runtime does is what the protocol allows, and everything that it can do happens in the
// runs.
func TestRealRunsAreBehaviours(t *testing.T) {
	var total trace.Summary
	for seed := range uint64(8) {
		file := record(t, seed)
		tr := read(t, file)
		got, err := trace.Validate(tr)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if got.Events != uint64(len(tr.Events)) ||
			got.Commits != tr.Events[len(tr.Events)-1].Seen.Commits {
			t.Errorf("seed %d: %+v of %d events", seed, got, len(tr.Events))
		}
		streamed, err := trace.ValidateFile(bytes.NewReader(file))
		if err != nil || streamed != got {
			t.Errorf("seed %d: as a stream %+v, %v; in memory %+v", seed, streamed, err, got)
		}
		for a, n := range got.Actions {
			total.Actions[a] += n
		}
	}
	for _, a := range protocol.Actions() {
		switch a {
		case protocol.ActFailUndo, protocol.ActFailRollback: // these runs poison nothing
		case protocol.ActWake, protocol.ActCancelWake: // these depend on the moment
		default:
			if total.Actions[a] == 0 {
				t.Errorf("no run has performed %s", a)
			}
		}
	}
}

// What Write writes of a trace that was read is what was read.
func TestRoundTrip(t *testing.T) {
	file := record(t, 1)
	tr := read(t, file)
	var again bytes.Buffer
	if err := trace.Write(&again, tr); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(again.Bytes(), file) {
		t.Error("the file changed")
	}
	if same := read(t, again.Bytes()); !reflect.DeepEqual(same, tr) {
		t.Error("the trace changed")
	}
}

// replaced is a small trace with one change in its text, and the same after it.
func replaced(t *testing.T, old, new string) string {
	t.Helper()
	if strings.Count(small, old) == 0 {
		t.Fatalf("%q does not occur", old)
	}
	return strings.Replace(small, old, new, 1)
}

// small is the trace of a linker in which nothing happens but that its first group is left and
// entered.
var small = func() string {
	var file bytes.Buffer
	rec := trace.NewRecorder(&file)
	s := protocol.NewState(protocol.Config{Groups: 64, Initial: 1, MaxLog: 4, Batch: 100,
		MaxTable: 1000, Features: protocol.AllFeatures})
	for i, a := range []protocol.Action{protocol.ActPark, protocol.ActUnpark,
		protocol.ActRequestLease} {
		step := protocol.Step{Action: a}
		if err := s.Perform(step); err != nil {
			panic(err)
		}
		rec.Observe(coord.Event{Seq: uint64(i + 1), Step: step, State: &s})
	}
	if err := rec.Close(); err != nil {
		panic(err)
	}
	return file.String()
}()

func TestReadRefuses(t *testing.T) {
	lines := strings.SplitAfter(small, "\n")
	for _, c := range []struct {
		name, text string
		line       int
		want       error
	}{
		{"another file", "{}\n", 1, trace.ErrFormat},
		{"no JSON", "trace\n", 1, trace.ErrFormat},
		{"another version", replaced(t, `"version":1`, `"version":2`), 1, trace.ErrVersion},
		{"no groups", replaced(t, `"groups":64`, `"groups":0`), 1, protocol.ErrConfig},
		{"too many groups", replaced(t, `"groups":64`, `"groups":65`), 1, protocol.ErrConfig},
		{"a feature that is none", replaced(t, `"Park"`, `"Fly"`), 1, protocol.ErrUnknownName},
		{"a feature twice", replaced(t, `"Park"`, `"Park","Park"`), 1, trace.ErrCanonical},
		{"an unknown field", replaced(t, `"initial"`, `"x":1,"initial"`), 1, trace.ErrCanonical},
		{"white space", replaced(t, `"seq":1`, `"seq": 1`), 2, trace.ErrCanonical},
		{"upper case", replaced(t, `"seq":2`, `"SEQ":2`), 3, trace.ErrCanonical},
		{"a field twice", replaced(t, `"seq":2`, `"seq":1,"seq":2`), 3, trace.ErrCanonical},
		{"an unknown action", replaced(t, `"Unpark"`, `"Fly"`), 3, protocol.ErrUnknownName},
		{"nobody's action", replaced(t, `"group":"g1"`, `"group":"None"`), 2,
			protocol.ErrUnknownName},
		{"a group that cannot be", replaced(t, `"group":"g1"`, `"group":"g65"`), 2,
			protocol.ErrUnknownName},
		{"an argument too many", replaced(t, `"group":"g1"`, `"group":"g1","child":"g2"`), 2,
			trace.ErrCanonical},
		{"an argument too few", replaced(t, `"group":"g1",`, ``), 2, trace.ErrCanonical},
		{"an unknown mode", replaced(t, `"mode":"Parked"`, `"mode":"Asleep"`), 2,
			protocol.ErrUnknownName},
		{"a tag without operation", replaced(t, `"tag":0`, `"tag":256`), 2, trace.ErrCanonical},
		{"a digest that is none", replaced(t, `"digest":"`, `"digest":"x`), 2, trace.ErrCanonical},
		{"an empty line", lines[0] + "\n" + lines[1], 2, trace.ErrCanonical},
		{"two on a line", strings.Replace(small, "\n{\"seq\":2", "{\"seq\":2", 1), 2,
			trace.ErrCanonical},
		{"a line that does not end", lines[0] + strings.Repeat(" ", 2000), 2, nil},
		{"a gap", lines[0] + lines[1] + lines[3], 3, trace.ErrGap},
		{"an event twice", lines[0] + lines[1] + lines[1], 3, trace.ErrGap},
		{"no beginning", strings.Join(lines[1:], ""), 1, trace.ErrFormat},
		{"no end", strings.Join(lines[:4], ""), 5, trace.ErrPartial},
		{"a missing last event", lines[0] + lines[1] + lines[2] + lines[4], 4, trace.ErrPartial},
		{"commits that nobody has seen",
			replaced(t, `"events":3,"commits":0`, `"events":3,"commits":1`), 5, trace.ErrPartial},
		{"two ends", small + lines[4], 6, trace.ErrAfterEnd},
		{"a second trace", small + small, 6, trace.ErrAfterEnd},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := trace.Read(strings.NewReader(c.text))
			var format *trace.FormatError
			if !errors.As(err, &format) || format.Line != c.line || c.want != nil &&
				!errors.Is(err, c.want) {
				t.Errorf("%v, want line %d: %v", err, c.line, c.want)
			}
			if _, streamed := trace.ValidateFile(strings.NewReader(c.text)); streamed == nil ||
				streamed.Error() != err.Error() {
				t.Errorf("as a stream: %v, in memory: %v", streamed, err)
			}
		})
	}
	if _, err := trace.Read(strings.NewReader(small)); err != nil {
		t.Errorf("the trace itself: %v", err)
	}
}

func TestEmptyTracesAreRefused(t *testing.T) {
	header, _, _ := strings.Cut(small, "\n")
	for name, text := range map[string]string{"no bytes": "", "a header": header,
		"no events": header + "\n{\"end\":true,\"events\":0,\"commits\":0}\n"} {
		if _, err := trace.Read(strings.NewReader(text)); !errors.Is(err, trace.ErrEmpty) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := trace.Validate(&trace.Trace{Config: protocol.Config{Groups: 1,
		MaxLog: 1}}); !errors.Is(err, trace.ErrEmpty) {
		t.Errorf("no events in memory: %v", err)
	}
	if _, err := trace.Validate(&trace.Trace{}); !errors.Is(err, protocol.ErrConfig) {
		t.Errorf("no configuration: %v", err)
	}
	if err := trace.NewRecorder(io.Discard).Close(); !errors.Is(err, trace.ErrEmpty) {
		t.Errorf("a recorder that saw nothing: %v", err)
	}
}

// failing is a writer with room for so many bytes.
type failing int

var errFull = errors.New("full")

func (f *failing) Write(p []byte) (int, error) {
	if *f -= failing(len(p)); *f < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestRecorderKeepsTheFirstError(t *testing.T) {
	s := protocol.NewState(protocol.Config{Groups: 2, Initial: 1, MaxLog: 4})
	event := func(n uint64) coord.Event { return coord.Event{Seq: n, State: &s} }
	w := failing(10)
	rec := trace.NewRecorder(&w)
	for i := range uint64(1000) {
		rec.Observe(event(i + 1))
	}
	if err := rec.Close(); !errors.Is(err, errFull) {
		t.Errorf("a full disk: %v", err)
	}
	rec = trace.NewRecorder(io.Discard)
	rec.Observe(event(2))
	if err := rec.Close(); !errors.Is(err, trace.ErrBroken) {
		t.Errorf("the first event is the second: %v", err)
	}
	rec = trace.NewRecorder(io.Discard)
	s.Config.Off = protocol.OffCooperate
	rec.Observe(event(1))
	if err := rec.Close(); !errors.Is(err, trace.ErrBroken) {
		t.Errorf("a protocol without a guard: %v", err)
	}
	if err := rec.Close(); !errors.Is(err, trace.ErrBroken) {
		t.Errorf("closed twice: %v", err)
	}
	if err := trace.Write(new(failing), read(t, []byte(small))); !errors.Is(err, errFull) {
		t.Errorf("Write: %v", err)
	}
}

// A rejection says what does not fit, where, and what would have.
func TestRejection(t *testing.T) {
	text := replaced(t, `"action":"Unpark"`, `"action":"Park"`)
	_, err := trace.ValidateFile(strings.NewReader(text))
	var rejected *trace.RejectedError
	if !errors.As(err, &rejected) {
		t.Fatal(err)
	}
	if rejected.Line != 3 || rejected.Event.Seq != 2 || rejected.Guard != "RunsGuest(g)" ||
		rejected.Before.Mode[0] != protocol.Parked {
		t.Errorf("%+v", rejected)
	}
	for _, want := range []string{
		"trace: line 3: event 2, Park(g1), does not fit: RunsGuest(g) does not hold",
		`/\ mode = (g1 :> "Parked")`, "\n  Unpark(g1)", "\n  Crash(g1)",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
	r, newErr := trace.NewReplayer(protocol.Config{Groups: 1, Initial: 1, MaxLog: 1})
	if newErr != nil {
		t.Fatal(newErr)
	}
	first := r.Replay(&trace.Event{Seq: 2})
	if second := r.Replay(&trace.Event{Seq: 1}); first == nil || first != second ||
		r.End() != first {
		t.Errorf("after a rejection there is a way on: %v, %v", first, second)
	}
}

// Whatever is changed in what was seen, it does not fit any more.
func TestEveryObservationCounts(t *testing.T) {
	tr := read(t, record(t, 2))
	fields := reflect.TypeFor[trace.Seen]().NumField()
	for i := range fields {
		e := &tr.Events[len(tr.Events)/2]
		saved := *e
		field := reflect.ValueOf(&e.Seen).Elem().Field(i)
		name := reflect.TypeFor[trace.Seen]().Field(i).Name
		if field.Kind() == reflect.Struct {
			e.Seen.Op.Tag++
		} else {
			field.SetUint(field.Uint() + 1)
		}
		var rejected *trace.RejectedError
		if _, err := trace.Validate(tr); !errors.As(err, &rejected) ||
			rejected.Event.Seq != saved.Seq || len(rejected.Differences) != 1 ||
			!strings.EqualFold(rejected.Differences[0].Name, name) {
			t.Errorf("%s: %v", name, err)
		}
		*e = saved
	}
}

// The digest tells states apart that differ in anything, and does not depend on unused slots.
func TestDigest(t *testing.T) {
	small := protocol.NewState(protocol.Config{Groups: 3, Initial: 2, MaxLog: 4, Batch: 1,
		MaxTable: 9, Features: protocol.AllFeatures})
	large := small
	large.Config.Groups = 64
	if trace.Digest(&small) != trace.Digest(&large) {
		t.Error("the digest depends on the number of slots")
	}
	seen := map[uint64]protocol.State{}
	queue := []protocol.State{small}
	steps := protocol.Op{Kind: protocol.LoadModules, Tag: 1}
	for len(queue) > 0 && len(seen) < 3000 {
		s := queue[0]
		queue = queue[1:]
		d := trace.Digest(&s)
		if other, ok := seen[d]; ok {
			if other != s {
				t.Fatalf("one digest, two states:\n%s\n%s", s, other)
			}
			continue
		}
		seen[d] = s
		for step := range s.Config.Steps([]protocol.Op{steps}) {
			if next := s; next.Try(step) == protocol.Done {
				queue = append(queue, next)
			}
		}
	}
	if len(seen) < 3000 {
		t.Errorf("only %d states", len(seen))
	}
}

// A watcher says of events what Validate says of their trace.
func TestWatcher(t *testing.T) {
	var none trace.Watcher
	if err := none.Err(); !errors.Is(err, trace.ErrEmpty) || none.Summary() != (trace.Summary{}) {
		t.Errorf("without events: %v", err)
	}
	s := protocol.NewState(protocol.Config{Groups: 3, Initial: 1, MaxLog: 4,
		Features: protocol.AllFeatures})
	var w trace.Watcher
	seq := uint64(0)
	observe := func(a protocol.Action) {
		seq++
		w.Observe(coord.Event{Seq: seq, Step: protocol.Step{Action: a}, State: &s})
	}
	for _, a := range []protocol.Action{protocol.ActPark, protocol.ActUnpark} {
		if err := s.Perform(protocol.Step{Action: a}); err != nil {
			t.Fatal(err)
		}
		observe(a)
	}
	if err := w.Err(); err != nil || w.Summary().Events != 2 {
		t.Errorf("%v, %+v", err, w.Summary())
	}
	s.Holder = 2 // no group has asked for the lease
	observe(protocol.ActPark)
	var rejected *trace.RejectedError
	if err := w.Err(); !errors.As(err, &rejected) || rejected.Event.Seq != 3 {
		t.Errorf("%v", err)
	}
	first := w.Err()
	observe(protocol.ActUnpark)
	if w.Err() != first {
		t.Error("it goes on after a rejection")
	}
	var broken trace.Watcher
	broken.Observe(coord.Event{Seq: 1, State: &protocol.State{}})
	if err := broken.Err(); !errors.Is(err, protocol.ErrConfig) {
		t.Errorf("no configuration: %v", err)
	}
}
