package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// A doubling may cost so much more. What is n log n grows by a little more than two; maps and
// slices that double their room make the bytes of one doubling more than those of another.
const (
	mostWork  = 2.3
	mostBytes = 2.6
	// Each library of a chain looks through those before it, of which there can be only so many:
	// see [linker.Config.WithMaxModules].
	mostWorkOfLibraries = 3.0
)

// Whatever a guest can make larger, twice of it costs at most twice the work and the memory, but
// for a stated constant.
func TestWorkIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("it builds a program with counters")
	}
	rows, err := measureAll(t.Context(), kinds(), ours, maps)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		most := mostWork
		if r.kind.unit == "libraries" {
			most = mostWorkOfLibraries
		}
		for i := range 2 {
			if x := ratio(r.work[i+1], r.work[i]); x > most {
				t.Errorf("%s: from %d to %d %s the statements grow by %.2f", r.kind.name,
					r.sizes[i], r.sizes[i+1], r.kind.unit, x)
			}
			if x := ratio(r.allocated[i+1], r.allocated[i]); x > mostBytes {
				t.Errorf("%s: from %d to %d %s the bytes grow by %.2f", r.kind.name, r.sizes[i],
					r.sizes[i+1], r.kind.unit, x)
			}
		}
	}
}

// The table in spec/work.md has a row for each kind, with its size.
func TestTableIsComplete(t *testing.T) {
	text, err := os.ReadFile("../../../spec/work.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, k := range kinds() {
		want = append(want, fmt.Sprintf("| %s | %d %s |", k.name, k.size, k.unit))
	}
	var got []string
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(line, "|")
		if len(fields) > 3 && !strings.Contains(line, "---") &&
			!strings.Contains(line, "statements |") {
			got = append(got, strings.Join(fields[:3], "|")+"|")
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("rows:\n%s\nwant:\n%s\n(go run ./linker/internal/work)", strings.Join(got, "\n"),
			strings.Join(want, "\n"))
	}
}

// A profile's lines are added up, ours apart from the engine's.
func TestSum(t *testing.T) {
	profile := "mode: atomic\n" + module + "/linker/open.go:1.2,3.4 5 6\n" + wazeroModule +
		"/runtime.go:1.2,3.4 2 100\n"
	work, engine, err := sum([]byte(profile))
	if err != nil || work != 30 || engine != 200 {
		t.Errorf("%d, %d, %v", work, engine, err)
	}
}
