package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

func TestTable(t *testing.T) {
	all, err := faults.Load(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		only []string
		want int
		fail bool
	}{
		{nil, len(all), false},
		{[]string{all[0].Name}, 1, false},
		{[]string{all[0].Name, all[1].Name}, 2, false},
		{[]string{"linker: no second look-up in Symbol"}, 1, false},
		{[]string{"no such fault"}, 0, true},
	} {
		got, err := (&options{only: c.only}).table(all)
		if len(got) != c.want || errors.Is(err, errNoSuch) != c.fail {
			t.Errorf("%q: %d faults, %v; want %d", c.only, len(got), err, c.want)
		}
	}
	// A name that is a part of others means that fault alone.
	exact := "protocol: a sleeper has no door"
	if got, err := (&options{only: []string{exact}}).table(all); err != nil || len(got) != 1 ||
		got[0].Name != exact {
		t.Errorf("%q: %d faults, %v", exact, len(got), err)
	}
}

func TestColumns(t *testing.T) {
	if got, err := (&options{}).columns(); err != nil || len(got) != len(faults.Detectors()) {
		t.Errorf("%d detectors, %v", len(got), err)
	}
	got, err := (&options{detectors: []string{"stress", "TLC"}}).columns()
	if err != nil || len(got) != 2 || got[0].Name != "stress" || got[1].Name != "TLC" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := (&options{detectors: []string{"nobody"}}).columns(); !errors.Is(err, errNoSuch) {
		t.Errorf("%v, want %v", err, errNoSuch)
	}
}

// In a file, every outcome is a line, with how much is done.
func TestProgressInAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "log")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := newProgress(file, true)
	d := faults.Detector{Name: "d"}
	f := &faults.Fault{Name: "f"}
	for _, s := range []faults.Said{
		{Detector: d},
		{Fault: f, Detector: d, Done: time.Second, All: 4 * time.Second,
			Outcome: faults.Outcome{Caught: true, Tests: []string{"TestX", "TestY"},
				Output: "why"}},
		{Fault: f, Detector: d, Done: 2 * time.Second, All: 4 * time.Second,
			Outcome: faults.Outcome{Caught: true, Hung: true, Tests: []string{"TestX"}}},
		{Fault: f, Detector: d, Done: 3 * time.Second, All: 4 * time.Second,
			Outcome: faults.Outcome{Undecided: true}},
		{Fault: f, Detector: d, Done: 4 * time.Second, All: 4 * time.Second},
	} {
		p.say(s)
	}
	p.stop()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for _, want := range []string{"the sound program", " 25 %, ", "caught by TestX, TestY", "why",
		" 50 %, ", "caught, it hangs: TestX", " 75 %, ", "undecided", "100 %, 0s left"} {
		if !slices.ContainsFunc(lines,
			func(line string) bool { return strings.Contains(line, want) }) {
			t.Errorf("no line has %q:\n%s", want, text)
		}
	}
}

// The verdict on a survey is an error if anything was not caught, not put to the test, or missed by
// who must catch it.
func TestVerdictOnAll(t *testing.T) {
	good := faults.Row{Fault: faults.Fault{Name: "f"},
		Outcomes: map[string]faults.Outcome{"d": {Caught: true}}}
	survivor := faults.Row{Fault: faults.Fault{Name: "f"},
		Outcomes: map[string]faults.Outcome{"d": {}}}
	missed, untested := good, good
	missed.Missed = []faults.Named{{Detector: "d", Test: "TestX"}}
	untested.Err = errors.New("it does not compile")
	for _, c := range []struct {
		row  faults.Row
		good bool
	}{{good, true}, {survivor, false}, {missed, false}, {untested, false}} {
		if err := judge([]faults.Row{good, c.row}); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.row, err)
		}
	}
}
