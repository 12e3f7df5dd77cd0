package faults_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

func repository(t *testing.T) string {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// table is the table of faults.
func table(t *testing.T) []faults.Fault {
	all, err := faults.Load(repository(t))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The table fits the source: every patch applies, and the tests that must catch a fault exist and
// are those of a detector that sees it.
func TestTableFitsTheSource(t *testing.T) {
	root := repository(t)
	tests := map[string][]string{} // by package
	for _, d := range faults.Detectors() {
		if d.Judge == faults.ByRecord {
			continue
		}
		if tests[d.Package] == nil {
			tests[d.Package] = testsOf(t, filepath.Join(root, d.Package))
		}
		if !slices.ContainsFunc(tests[d.Package], d.Has) {
			t.Errorf("detector %s has no tests", d.Name)
		}
	}
	all := table(t)
	for _, f := range all {
		if _, err := f.Overlay(root, t.TempDir()); err != nil {
			t.Error(err)
		}
		for _, by := range f.By {
			d, ok := faults.Detect(by.Detector)
			if !ok || !d.Has(by.Test) || !d.CanSee(f) ||
				!slices.Contains(tests[d.Package], by.Test) {
				t.Errorf("%s: %s is no test that can see it", f.Name, by)
			}
		}
	}
	if len(all) < 106 {
		t.Errorf("only %d faults", len(all))
	}
}

// testsOf lists the test functions of a folder.
func testsOf(t *testing.T, dir string) (names []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil &&
				strings.HasPrefix(f.Name.Name, "Test") {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names
}

// The tests can fail: a sample of the faults, each caught by the test that is
// named. make faults runs all of them against all detectors.
func TestSampleIsCaught(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles the tests once for every fault")
	}
	all := table(t)
	for _, c := range []struct{ fault, detector, test string }{
		{"runtime: a naive blocking lock", "exhaustive", "TestTwoGroupsExhaustively"},
		{"protocol and runtime: no second epoch", "exhaustive", "TestTwoGroupsExhaustively"},
		{"linker: no second look-up in Symbol", "linked", "TestSymbolLooksAgain"},
		{"protocol: attach without the lease", "pairs", "TestEveryPair"},
		{"runtime: who waits at the rendezvous is not woken", "exhaustive",
			"TestTwoGroupsExhaustively"},
		{"runtime: cancelling leaks a place in the state lock's queue", "pairs",
			"TestCancelEverywhere"},
		{"runtime: the action before the death", "synctest", "TestWaitEndsWithItsGroup"},
		{"runtime: poison wakes no waiter", "exhaustive", "TestMoreGroups"},
		{"runtime: a way past the protocol", "trace", "TestTracesOfTheLinkerAreBehaviours"},
		{"linker: symbols are searched backwards", "linker", "TestInterposition"},
		{"linker: an atomic wait does not park", "linker", "TestWaitingThreadHoldsUpNobody"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			f, okF := faults.Find(all, c.fault)
			d, okD := faults.Detect(c.detector)
			if !okF || !okD {
				t.Fatal("no such fault, or no such detector")
			}
			if !slices.Contains(f.By, faults.Named{Detector: c.detector, Test: c.test}) {
				t.Errorf("the table does not name %s", c.test)
			}
			b, err := faults.NewBench(repository(t), f)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			o, err := b.Run(context.Background(), d, c.test)
			if err != nil {
				t.Fatal(err)
			}
			if !o.Caught || !slices.Equal(o.Tests, []string{c.test}) {
				t.Errorf("caught: %v, by %v\n%s", o.Caught, o.Tests, o.Output)
			}
		})
	}
}

// What TLC has on record is a catch if the record says so; a model that is not there, or that is no
// mistake, is an error.
func TestRecordIsRead(t *testing.T) {
	tlc, _ := faults.Detect("TLC")
	for model, caught := range map[string]bool{"NoCooperate": true, "small": false,
		"NoSuchModel": false} {
		b, err := faults.NewBench(repository(t), faults.Fault{Name: "f", TLC: model})
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		o, err := b.Run(t.Context(), tlc, "")
		var record *faults.RecordError
		switch {
		case o.Caught != caught || caught != (err == nil):
			t.Errorf("%s: caught %v, %v", model, o.Caught, err)
		case !caught && (!errors.As(err, &record) || record.Model != model):
			t.Errorf("%s: %v", model, err)
		case caught && !slices.Equal(o.Tests, []string{"NoCooperate, by Deadlock"}):
			t.Errorf("%s: by %v", model, o.Tests)
		}
	}
}

// A detector sees a fault only where it runs the code and does not compare with the fault itself.
func TestWhoSeesWhat(t *testing.T) {
	change := func(file string) []faults.Change { return []faults.Change{{File: file}} }
	for _, c := range []struct {
		fault    faults.Fault
		detector string
		want     bool
	}{
		{faults.Fault{Changes: change("linker/protocol/actions.go")}, "explorer", true},
		{faults.Fault{Changes: change("linker/coord/link.go")}, "explorer", false},
		{faults.Fault{Changes: change("linker/tx.go")}, "linker", true},
		{faults.Fault{Changes: change("linker/internal/room/a.go")}, "linker", true},
		{faults.Fault{Changes: change("linker/internal/room/a.go")}, "unit", false},
		{faults.Fault{Changes: change("linker/coord/link.go")}, "trace", true},
		{faults.Fault{Changes: change("linker/protocol/actions.go"), Specified: true}, "trace",
			false},
		{faults.Fault{Changes: change("linker/protocol/actions.go"), Specified: true}, "explorer",
			false},
		{faults.Fault{Changes: change("linker/protocol/actions.go"), Specified: true}, "random",
			true},
		{faults.Fault{Changes: change("linker/protocol/actions.go")}, "TLC", false},
		{faults.Fault{Changes: change("linker/protocol/actions.go"), TLC: "NoWake"}, "TLC", true},
	} {
		d, ok := faults.Detect(c.detector)
		if !ok || d.CanSee(c.fault) != c.want {
			t.Errorf("%s sees %+v: %v, want %v", c.detector, c.fault, !c.want, c.want)
		}
	}
	if _, ok := faults.Detect("no detector"); ok {
		t.Error("there is a detector of any name")
	}
}

// The command that is printed is one that a shell runs: each word arrives as it was.
func TestCommands(t *testing.T) {
	f := faults.Fault{Name: "f", TLC: "NoWake",
		Changes: []faults.Change{{File: "linker/protocol/actions.go"}}}
	specified := f
	specified.Specified = true
	for _, c := range []struct {
		detector faults.Detector
		fault    faults.Fault
		want     string
	}{
		{faults.Detector{Package: "p", Run: "^(A|B)$", Own: "^C$", Args: []string{"-test.short"}},
			f,
			"go test -count=1 -failfast -overlay='a b/o.json' -run '^(A|B)$' ./p -args -test.short"},
		{faults.Detector{Package: "p", Run: "^(A|B)$", Own: "C"}, specified,
			"go test -count=1 -failfast -overlay='a b/o.json' -run C ./p"},
		{faults.Detector{Package: "p", Run: "it's", Judge: faults.ByRaceDetector}, f,
			`go test -count=1 -failfast -overlay='a b/o.json' -race -run 'it'\''s' ./p`},
		{faults.Detector{Judge: faults.ByRecord}, f, "go run ./tla/cmd/tlc run NoWake"},
		{faults.Detector{Package: "p", Run: "A", Judge: faults.ByTraces}, f, "dir=$(mktemp -d); " +
			faults.TracesVariable +
			"=$dir go test -count=1 -failfast -overlay='a b/o.json' -run A ./p; go run " +
			"./cmd/lockstep trace check $dir/*"},
	} {
		got := c.detector.Command(c.fault, "a b/o.json")
		if got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}

func TestTableIsWritten(t *testing.T) {
	detectors := []faults.Detector{{Name: "d1", What: "one"},
		{Name: "d2", What: "two", Why: "it is cheap"}}
	by := faults.Named{Detector: "d2", Test: "TestX"}
	rows := []faults.Row{
		{Fault: faults.Fault{Name: "f1", What: "w1"},
			Outcomes: map[string]faults.Outcome{"d1": {Caught: true},
				"d2": {Caught: true, Hung: true}}},
		{Fault: faults.Fault{Name: "f2", What: "w2", By: []faults.Named{by}},
			Outcomes: map[string]faults.Outcome{"d1": {Caught: true}, "d2": {}},
			Missed:   []faults.Named{by}},
		{Fault: faults.Fault{Name: "f3", What: "w3"},
			Outcomes: map[string]faults.Outcome{"d1": {Undecided: true}, "d2": {}}},
	}
	text := faults.Markdown(rows, detectors)
	for _, want := range []string{
		"| f1 | x | h |", "| f2 | x | – |", "| f3 | ? | – |", "3 faults, 2 caught",
		"| d1 | one | 2 | f2 |",
		"| d2 | two | 1 | nothing; kept because it is cheap |",
		"| f2 | w2 | d2: TestX (**missed**) |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
	if got := faults.Survivors(rows); !slices.Equal(got, []string{"f3"}) {
		t.Errorf("survivors %v", got)
	}
}

// The list of faults is replaced, and the table stays.
func TestListIsReplaced(t *testing.T) {
	row := func(name string) faults.Row { return faults.Row{Fault: faults.Fault{Name: name}} }
	page := faults.Markdown([]faults.Row{row("old")}, nil)
	got, err := faults.WithList(page, []faults.Row{row("old"), row("new")})
	table, _, _ := strings.Cut(page, "## Faults")
	if err != nil || !strings.HasPrefix(got, table) || strings.Count(got, "| new |") != 1 ||
		!strings.Contains(got, "2 faults.\n") {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := faults.WithList("nothing", nil); !errors.Is(err, faults.ErrNoList) {
		t.Errorf("error %v", err)
	}
}
