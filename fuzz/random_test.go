package fuzz_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/fuzz/schedule"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// drawVerb draws a verb. Every other one is that which the others get in the way of.
func drawVerb(t *rapid.T) verb {
	if rapid.Bool().Draw(t, "links") {
		return links
	}
	v := verb(rapid.IntRange(0, int(verbs)-1).Draw(t, "verb"))
	if v == poisons && rapid.IntRange(0, 3).Draw(t, "unless") > 0 {
		return failsReplay // poison ends everything, so it is rare
	}
	return v
}

// drawActs draws what a group does. depth is how many generations of children there may be.
func drawActs(t *rapid.T, groups, depth int) []act {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		a := act{
			Verb:   drawVerb(t),
			Target: protocol.Group(rapid.IntRange(0, groups-1).Draw(t, "target")),
			Ends:   ending(rapid.IntRange(0, int(timed)).Draw(t, "ends")),
		}
		if a.Verb == spawns && depth > 0 {
			a.Child = drawActs(t, groups, depth-1)
		}
		return a
	}), 0, 4).Draw(t, "acts")
}

func drawProgram(t *rapid.T) program {
	p := program{Groups: make([][]act, rapid.IntRange(2, 4).Draw(t, "groups")),
		Spare: rapid.IntRange(0, 2).Draw(t, "spare")}
	for i := range p.Groups {
		p.Groups[i] = drawActs(t, len(p.Groups), 1)
	}
	return p
}

// Random programs under random schedules. rapid draws both, so that what
// fails shrinks to a small program and a schedule with few interruptions.
func TestRandomPrograms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := drawProgram(t)
		waiting := notified
		if rapid.IntRange(0, 3).Draw(t, "polling") == 3 {
			waiting = polling
		}
		o := schedule.Options{EagerTimers: rapid.Bool().Draw(t, "eager timers")}
		next := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "next") }
		if r := schedule.Run(p.run(waiting, false), schedule.Drawn(next), o); r.Failure != nil {
			t.Fatalf("%s\n%s", p, r.Failure.Report(""))
		}
	})
}

// Random programs, each under many schedules: PCT and even choices.
func TestRandomSchedules(t *testing.T) {
	gen := rapid.Custom(drawProgram)
	programs := limit(1500, 150)
	total := 0
	for seed := range programs {
		p := gen.Example(seed)
		program := p.run(notified, false)
		for name, source := range map[string]schedule.Source{
			"pct":    schedule.PCT(uint64(seed), 10, 4),
			"random": schedule.Random(uint64(seed), 10),
		} {
			r := schedule.Explore(program, source, schedule.Options{})
			total += r.Schedules
			if r.Failure != nil {
				small := schedule.Shrink(program, r.Failure, schedule.Options{}, 2000)
				t.Fatalf("%s, program %d:\n%s\n%s", name, seed, p, small.Report(""))
			}
		}
	}
	t.Logf("%d schedules of %d programs", total, programs)
}
