package proof

import (
	"errors"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/tla"
)

func load(t *testing.T) *System {
	t.Helper()
	s, err := Load(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// solver is z3, without which a test is skipped: what it would show is on record.
func solver(t *testing.T) Solver {
	t.Helper()
	z3, err := FindSolver(t.Context(), 5*time.Minute)
	if errors.Is(err, ErrNoSolver) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return z3
}

func record(t *testing.T) *Record {
	t.Helper()
	r, err := LoadRecord(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecordIsFresh fails when the specification, the lemmas or the translation changed without a
// new record, and when something is not proved. It needs no z3.
func TestRecordIsFresh(t *testing.T) {
	if err := load(t).CheckRecord(record(t)); err != nil {
		t.Errorf("%v\nrun: go run ./tla/cmd/tlc prove --record && go run ./tla/cmd/tlc prove "+
			"--mistakes --record", err)
	}
}

// Everything that LinkerSync claims of states and of steps is to be proved, and the lemmas; each
// for every action.
func TestObligationsAreComplete(t *testing.T) {
	s := load(t)
	text, err := os.ReadFile("../LinkerProperties.tla")
	if err != nil {
		t.Fatal(err)
	}
	_, claims, _ := strings.Cut(string(text), "(* Invariants.")
	claims, _, _ = strings.Cut(claims, "(* Liveness")
	known := append(s.Invariants(), s.Properties()...)
	n := 0
	for line := range strings.Lines(claims) {
		if name, _, ok := strings.Cut(line, " =="); ok && !strings.HasPrefix(name, " ") {
			n++
			if !slices.Contains(known, name) {
				t.Errorf("%s is not to be proved", name)
			}
		}
	}
	if n < 40 {
		t.Errorf("found only %d claims", n)
	}
	spec, err := tla.LoadSpecification(os.DirFS(".."), "LinkerSync")
	if err != nil {
		t.Fatal(err)
	}
	lines, err := spec.Actions("Step")
	if err != nil {
		t.Fatal(err)
	}
	// Terminated, and Init
	want := len(s.Invariants())*(len(lines)+2) + len(s.Properties())*(len(lines)+1)
	if got := len(s.Obligations()); got != want {
		t.Errorf("%d obligations, want %d", got, want)
	}
	for _, o := range s.Obligations() {
		if s.Script(o) == "" {
			t.Errorf("%v has no script", o)
		}
	}
	if script := s.Script(Obligation{"Agreement", "Nothing"}); script != "" {
		t.Errorf("an action that there is not: %s", script)
	}
}

// sampleSize is how many obligations are proved again, and how many mistakes are judged again,
// where z3 is installed.
const sampleSize = 15

// TestSampleOfProofs proves some obligations again: others whenever the questions change.
func TestSampleOfProofs(t *testing.T) {
	z3, s := solver(t), load(t)
	random := rand.New(rand.NewPCG(1, uint64(crc32.ChecksumIEEE([]byte(record(t).MistakeInputs)))))
	all := s.Obligations()
	for range sampleSize {
		o := all[random.IntN(len(all))]
		r, err := s.Prove(t.Context(), z3, o)
		if err != nil {
			t.Fatal(err)
		}
		if r.Verdict != Proved {
			t.Errorf("%v: %s\n%v", o, r.Verdict, r.Counterexample)
		}
	}
}

// A proof from hypotheses that exclude each other, or of a step that no group can take, shows
// nothing: every action can happen where all invariants hold.
func TestNothingIsVacuous(t *testing.T) {
	z3, s := solver(t), load(t)
	tr := s.translate(writtenWorld(2, room))
	for _, action := range s.Actions() {
		script := tr.text(action, [][]string{tr.given, tr.hypothesis, tr.steps[action]}) +
			"(check-sat)\n"
		if answer, _, err := z3.Ask(t.Context(), script); err != nil || answer != Sat {
			t.Errorf("%s where all invariants hold: %s, %v", action, answer, err)
		}
	}
	initially := tr.text("Init", [][]string{tr.given, tr.initially}) + "(check-sat)\n"
	if answer, _, err := z3.Ask(t.Context(), initially); err != nil || answer != Sat {
		t.Errorf("an initial state: %s, %v", answer, err)
	}
}

// Without z3 the message says what to install.
func TestNoSolver(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := FindSolver(t.Context(), time.Second); !errors.Is(err, ErrNoSolver) ||
		!strings.Contains(err.Error(), "apt-get install z3") {
		t.Errorf("%v", err)
	}
}

// What z3 does not understand is an error, and what it cannot decide in time is unknown; neither is
// an answer.
func TestSolverFails(t *testing.T) {
	z3 := solver(t)
	if _, _, err := z3.Ask(t.Context(), "(assert nonsense)\n(check-sat)\n"); !errors.Is(err,
		ErrSolver) {
		t.Errorf("nonsense: %v", err)
	}
	missing := Solver{Path: filepath.Join(t.TempDir(), "z3"), Limit: time.Second}
	if _, _, err := missing.Ask(t.Context(), "(check-sat)\n"); !errors.Is(err, ErrSolver) ||
		!errors.Is(err, os.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
	hard := "(declare-fun f (Int Int) Int)\n(assert (forall ((x Int) (y Int)) (= (f x (f y x)) " +
		"(* (f x y) (f y y) x))))\n(assert (exists ((x Int)) (> (* x x x) (f x 7))))\n(check-sat)\n"
	z3.Limit = time.Second
	if answer, _, err := z3.Ask(t.Context(), hard); err != nil || answer != Unknown {
		t.Errorf("a hard question: %s, %v", answer, err)
	}
}

// A record of other questions, an incomplete one, and one of what is not proved are not accepted.
func TestCheckRecord(t *testing.T) {
	s := load(t)
	for _, c := range []struct {
		name   string
		change func(r *Record)
		want   error
	}{
		{"other questions", func(r *Record) { r.Properties[3].Scripts = "0" }, tla.ErrStale},
		{"fewer questions", func(r *Record) { r.Properties[3].Obligations-- }, tla.ErrStale},
		{"a property is missing", func(r *Record) { r.Properties = r.Properties[1:] },
			tla.ErrNoRecord},
		{"not proved", func(r *Record) { r.Properties[5].Unproved = []string{"Commit"} },
			ErrUndecided},
		{"no mistakes", func(r *Record) { r.Mistakes = nil }, tla.ErrNoRecord},
		{"other mistakes", func(r *Record) { r.MistakeInputs = "0" }, tla.ErrStale},
	} {
		r := record(t)
		c.change(r)
		var problem *RecordError
		if err := s.CheckRecord(r); !errors.Is(err, c.want) || !errors.As(err, &problem) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	r := record(t)
	changed := slices.Clone(r.Mistakes)
	changed[0].Property, changed[0].Action = "", ""
	if err := s.CheckMistakes(r, changed); !errors.Is(err, tla.ErrUnexpected) {
		t.Errorf("a mistake that survives: %v", err)
	}
	if err := s.CheckMistakes(r, []MistakeResult{{Mistake: "nobody's"}}); !errors.Is(err,
		tla.ErrNoRecord) {
		t.Errorf("a new mistake: %v", err)
	}
	if err := s.CheckMistakes(r, r.Mistakes); err != nil {
		t.Error(err)
	}
}

// Recording what is on record changes nothing.
func TestRecordRoundTrip(t *testing.T) {
	s, r := load(t), record(t)
	var results []Result
	for _, o := range s.Obligations() {
		results = append(results, Result{Obligation: o, Verdict: Proved})
	}
	again, err := r.WithResults(s, Solver{Version: r.Z3}, results).WithMistakes(s,
		r.Mistakes).JSON()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile("../" + RecordFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(again) != string(file) {
		t.Error("the record is not what recording writes")
	}
	results[0].Verdict = Open
	if p := r.WithResults(s, Solver{}, results).Properties[0]; !slices.Equal(p.Unproved,
		[]string{results[0].Obligation.Action}) {
		t.Errorf("an open obligation is recorded as %+v", p)
	}
}
