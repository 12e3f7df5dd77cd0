package every

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

var want = []string{
	"1 2 1", "2 true", "0 false 0 false", "text", "1", "2 3", "4", "7", "default", "first true", "5", "chosen",
	"7 2 [1 3 2] 1 [0 0 3 0] 4 2", "12 two 2 true [0 3] {{{} {0 0}} 2 0 [0 0 0 0] <nil> map[] [] {{0}}}",
	"9 1", "2 2", "other built {1 9}", "context deadline exceeded 3s", "2",
}

func check(t interface{ Errorf(string, ...any) }) {
	ready = make(chan struct{}, 1)
	pending.Store(0)
	out, lines := Statements()
	for i, w := range want {
		if i >= len(out) || strings.ReplaceAll(out[i], " ", "") != strings.ReplaceAll(w, " ", "") {
			if i != 13 { // it shows the inside of a lock
				t.Errorf("statement %d: %q, want %q", i, out[min(i, len(out)-1)], w)
			}
		}
	}
	text, err := os.ReadFile("every.go")
	if err != nil {
		panic(err)
	}
	var marked []int
	for i, l := range strings.Split(string(text), "\n") {
		if strings.HasSuffix(l, "// line") {
			marked = append(marked, i+1)
		}
	}
	if !slices.Equal(lines, marked) || len(out) != len(want) {
		t.Errorf("%d statements, lines %v, want %v", len(out), lines, marked)
	}
}

// With and without instrumentation, by the go command's flags.
func TestOutside(t *testing.T) { check(t) }

type reporter struct{ *explore.Run }

func (r reporter) Errorf(format string, args ...any) { r.Failf(format, args...) }

// Under the scheduler.
func TestInside(t *testing.T) {
	explore.Check(t, func(r *explore.Run) { check(reporter{r}) },
		explore.Options{Search: explore.Random(1), Schedules: 300})
}
