package fuzz_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/fuzz/schedule"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// program is what happens in each group of an image, one after the other.
type program struct {
	Groups [][]act
	Spare  int // slots for more groups
}

func (p program) String() string {
	text := ""
	for i, acts := range p.Groups {
		text += fmt.Sprintf("g%d: %v\n", i+1, acts)
	}
	return text + fmt.Sprintf("%d spare slots", p.Spare)
}

// run is the program under the scheduler.
func (p program) run(waiting func(*schedule.Scheduler) coord.Waiting,
	coarse bool) schedule.Program {
	return func(s *schedule.Scheduler) {
		w := newWorld(s, waiting(s), len(p.Groups), len(p.Groups)+p.Spare, coarse)
		for i, acts := range p.Groups {
			w.start(w.slots[i], acts)
		}
	}
}

// notified and polling are the two strategies of waiting. The polls are few, so that runs are
// short.
func notified(s *schedule.Scheduler) coord.Waiting { return s.Notified() }

func polling(s *schedule.Scheduler) coord.Waiting {
	return s.Polling(coord.Backoff{Spins: 1, Yields: 1, InitialSleep: time.Millisecond,
		ShiftLimit: 2, MaxSleep: 10 * time.Millisecond})
}

func acts(verbs ...verb) (list []act) {
	for _, v := range verbs {
		list = append(list, act{Verb: v})
	}
	return list
}

func to(v verb, target int) act { return act{Verb: v, Target: protocol.Group(target - 1)} }

func ends(a act, e ending) act {
	a.Ends = e
	return a
}

// everything is each verb once, aimed at a group.
func everything(target int) (all []act) {
	for v := range verbs {
		a := to(v, target)
		if v == spawns {
			a.Child = acts(links)
		}
		all = append(all, a)
	}
	return all
}

// Two groups with two operations each: all schedules there are. Unlocking is no
// scheduling point here, so what a goroutine does between two of its critical
// sections is one piece with the first of them; the suites with a bound
// on the interruptions look between these.
func TestTwoGroupsExhaustively(t *testing.T) {
	total := 0
	for _, c := range []struct {
		name   string
		groups [][]act
	}{
		{"links", [][]act{acts(links, links), acts(links, links)}},
		{"a failing replay", [][]act{acts(links, links), {to(failsReplay, 1), to(links, 1)}}},
		{"two failing replays",
			[][]act{{to(failsReplay, 2), to(links, 2)}, {to(failsReplay, 1), to(links, 1)}}},
		{"a failing undo", [][]act{{to(links, 1), to(poisons, 2)}, acts(links, links)}},
		{"a second look", [][]act{acts(links, looksAgain), acts(looksAgain, links)}},
		{"leaving", [][]act{acts(links, leaves), acts(links, leaves)}},
		{"dying", [][]act{acts(links, links), acts(links, crashes)}},
		{"being killed", [][]act{{to(links, 2), to(kills, 2)}, acts(links, links)}},
		{"killed in a replay", [][]act{{to(killsInReplay, 2), to(links, 2)}, acts(links, links)}},
		{"the leader killed in a replay", [][]act{{to(killsInReplay, 1)}, acts(links, links)}},
		{"closures", [][]act{acts(closure, freesClosure), acts(links, runs)}},
		{"sleeping", [][]act{acts(links, links), acts(sleeps)}},
		{"guest code", [][]act{acts(links, links), acts(runs, safepoint, runs)}},
		{"tokens", [][]act{acts(handsOver, links), acts(leases, runs)}},
		{"trying", [][]act{acts(links, links), acts(tries, runs)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := program{Groups: c.groups}
			r := schedule.Check(t, p.run(notified, true),
				schedule.DepthFirst(schedule.Unbounded, limit(0, 300)),
				schedule.Options{Coarse: true})
			t.Logf("%d schedules of up to %d choices, all of them: %v", r.Schedules, r.Choices,
				r.Exhausted)
			total += r.Schedules
		})
	}
	t.Logf("%d schedules", total)
}

// brief tells that there is no time for everything.
func brief() bool { return testing.Short() || raceDetector }

// limit is how many schedules are looked at: full, or fewer in a brief run.
func limit(full, inBrief int) int {
	if brief() {
		return inBrief
	}
	return full
}

// Every pair of actions, in two groups: every schedule of at most one
// interruption, of at most two where one of them links. Then with polling.
func TestEveryPair(t *testing.T) {
	total := 0
	for i, first := range everything(2) {
		for j, second := range everything(1) {
			if j < i && !aimed(first.Verb) && !aimed(second.Verb) {
				continue // the same pair the other way round
			}
			bound := 1
			if !brief() && (first.Verb == links || second.Verb == links) {
				bound = 2
			}
			p := program{Groups: [][]act{{first, {Verb: runs}}, {second, {Verb: links}}}, Spare: 1}
			t.Run(fmt.Sprintf("%s, %s", first.Verb, second.Verb), func(t *testing.T) {
				total += schedule.Check(t, p.run(notified, true),
					schedule.DepthFirst(bound, limit(0, 25)), schedule.Options{}).Schedules
				total += schedule.Check(t, p.run(polling, true),
					schedule.DepthFirst(0, limit(50, 5)), schedule.Options{}).Schedules
			})
		}
	}
	t.Logf("%d schedules", total)
}

// aimed tells whether a verb has a target.
func aimed(v verb) bool {
	switch v {
	case failsReplay, poisons, panicsReplay, killsInReplay, kills:
		return true
	}
	return false
}

// Every action whose context is cancelled, at every point at which it can be,
// against a group that links; and with a deadline, which may come at any time.
func TestCancelEverywhere(t *testing.T) {
	total := 0
	for _, how := range []ending{cancelled, timed} {
		for _, first := range everything(2) {
			switch first.Verb {
			case runs, tries, kills, crashes, sleeps, panicsWork:
				continue // nothing in them depends on the context
			}
			p := program{Groups: [][]act{{ends(first, how), {Verb: links}}, acts(links, runs)},
				Spare: 1}
			t.Run(p.Groups[0][0].String(), func(t *testing.T) {
				o := schedule.Options{EagerTimers: how == timed}
				total += schedule.Check(t, p.run(notified, true),
					schedule.DepthFirst(1, limit(1500, 50)), o).Schedules
				total += schedule.Check(t, p.run(polling, true),
					schedule.DepthFirst(0, limit(100, 5)), o).Schedules
			})
		}
	}
	t.Logf("%d schedules", total)
}

// Three and four groups, of which some sleep: every schedule of few interruptions.
func TestMoreGroups(t *testing.T) {
	total := 0
	for _, c := range []struct {
		name  string
		p     program
		bound int
	}{
		{"three links", program{Groups: [][]act{acts(links), acts(links), acts(links)}}, 1},
		{"two links and a sleeper", program{Groups: [][]act{acts(links), acts(links), {}}}, 2},
		{"a sleeper that wakes up",
			program{Groups: [][]act{acts(links), acts(sleeps, runs), acts(runs)}}, 2},
		{"a failing replay and a waiter",
			program{Groups: [][]act{{to(failsReplay, 2)}, acts(runs), acts(links)}}, 2},
		{"a failing undo and a waiter",
			program{Groups: [][]act{{to(poisons, 2)}, acts(runs), acts(links)}}, 2},
		{"killed while two link",
			program{Groups: [][]act{acts(links), {to(kills, 1)}, acts(links)}}, 2},
		{"leave, spawn, link",
			program{Groups: [][]act{acts(leaves), acts(spawns), acts(links)}, Spare: 1}, 1},
		{"closures of three",
			program{Groups: [][]act{acts(closure), acts(closure), acts(closure, freesClosure)}}, 1},
		{"four groups", program{Groups: [][]act{acts(links), acts(links), acts(runs),
			acts(leaves)}}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := schedule.Check(t, c.p.run(notified, false),
				schedule.DepthFirst(c.bound, limit(0, 300)), schedule.Options{})
			t.Logf("%d schedules of up to %d choices, bound %d, all of them: %v", r.Schedules,
				r.Choices, c.bound, r.Exhausted)
			total += r.Schedules
		})
	}
	t.Logf("%d schedules", total)
}

// A group that computes, and never waits or sleeps, takes part at its safepoints.
func TestSafepointsAreEnough(t *testing.T) {
	for _, verb := range []verb{links, failsReplay, leases, leaves} {
		t.Run(verb.String(), func(t *testing.T) {
			program := func(s *schedule.Scheduler) {
				w := newWorld(s, s.Notified(), 2, 2, true)
				done := false
				s.Go("g1", func() {
					w.play(w.slots[0], []act{to(verb, 2)})
					done = true
				})
				s.Go("g2", func() {
					a := &actor{w.slots[1]}
					for a.ok("enter", act{}, a.m.Enter(context.Background())); !done; s.Pass() {
						a.ok("safepoint", act{}, a.m.Safepoint(context.Background()))
					}
				})
			}
			r := schedule.Check(t, program, schedule.DepthFirst(2, limit(0, 300)),
				schedule.Options{MaxSteps: 1000})
			t.Logf("%d schedules", r.Schedules)
		})
	}
}
