package model

import (
	"context"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// LeadsTo is a property in time: whenever the condition holds for a group, it does not hold for
// ever, unless the image is poisoned. Its name is that of the formula in tla/LinkerProperties.tla.
type LeadsTo struct {
	Name  string
	Eager bool // under EagerSpec: who sleeps wants to run, all the time
	Waits func(s *protocol.State, g protocol.Group) bool
}

// LeadsToProperties lists the properties in time, in the order of the specification.
func LeadsToProperties() []LeadsTo {
	stage := func(want protocol.Stage) func(*protocol.State, protocol.Group) bool {
		return func(s *protocol.State, g protocol.Group) bool { return s.Stage[g] == want }
	}
	return []LeadsTo{
		{"LeaseIsGranted", false, stage(protocol.WaitLease)},
		{"StateIsGranted", false, stage(protocol.WaitState)},
		{
			"OperationEnds",
			false,
			func(s *protocol.State, _ protocol.Group) bool { return s.Leader != protocol.NoGroup },
		},
		{
			"WakingRuns",
			false,
			func(s *protocol.State, g protocol.Group) bool { return s.Mode[g] == protocol.Waking },
		},
		{"ParkedRuns", true, func(s *protocol.State, g protocol.Group) bool { return s.Asleep(g) }},
		{
			"RendezvousEnds",
			false,
			func(s *protocol.State, g protocol.Group) bool { return s.Part[g] != protocol.NoPart },
		},
	}
}

// fairness lists the sets of actions that are weakly fair for each group, as Fairness in the
// specification does: if one of a set is possible all the time, one of them happens.
func fairness(eager bool) [][]protocol.Action {
	sets := [][]protocol.Action{
		{
			protocol.ActGrantLease,
		}, {protocol.ActRequestState}, {protocol.ActLockState}, {protocol.ActUnlockState},
		{protocol.ActPublish}, {protocol.ActArrive}, {protocol.ActClaim}, {protocol.ActBroadcast},
		{
			protocol.ActApply,
			protocol.ActFailApply,
		}, {protocol.ActUndo, protocol.ActFailUndo}, {protocol.ActCommit},
		{protocol.ActRollback, protocol.ActFailRollback}, {protocol.ActBuild}, {protocol.ActAttach},
	}
	if eager {
		sets = append(sets, []protocol.Action{protocol.ActUnpark, protocol.ActWake})
	}
	return sets
}

// edge is a step of the graph.
type edge struct {
	step protocol.Step
	to   int32
}

// graph is all that can be reached.
type graph struct {
	states []protocol.State
	edges  [][]edge
	paths  []origin // the shortest way to each state
}

// checkLeadsTo looks for a behaviour that is fair and in which a condition holds for ever. It walks
// the whole graph again, which it keeps in memory.
func (x *Explorer) checkLeadsTo(ctx context.Context, properties []LeadsTo) error {
	if len(properties) == 0 {
		return nil
	}
	var g graph
	index := map[string]int32{}
	find := func(s *protocol.State) int32 {
		key := string(s.AppendKey(nil))
		i, ok := index[key]
		if !ok {
			i = int32(len(g.states))
			index[key] = i
			g.states, g.edges, g.paths = append(
				g.states,
				*s,
			), append(
				g.edges,
				nil,
			), append(
				g.paths,
				origin{parent: -1},
			)
		}
		return i
	}
	y := Explorer{Config: x.Config, Ops: x.Ops, MaxStates: x.MaxStates}
	y.Edge = func(from *protocol.State, t protocol.Step, to *protocol.State) {
		a, known := find(from), len(g.states)
		b := find(to)
		if int(b) == known {
			g.paths[b] = origin{a, t}
		}
		g.edges[a] = append(g.edges[a], edge{t, b})
	}
	if _, err := y.Run(ctx); err != nil {
		return err
	}
	for _, p := range properties {
		for group := range protocol.Group(x.Config.Groups) {
			if err := g.starves(p, group); err != nil {
				return err
			}
		}
	}
	return nil
}

// starves finds a fair circle in which the condition of p holds for a group all the time: a
// strongly connected part of those states, in which each fair set of actions is impossible
// somewhere, or is taken.
func (g *graph) starves(p LeadsTo, group protocol.Group) error {
	inside := func(i int32) bool { return !g.states[i].Poisoned && p.Waits(&g.states[i], group) }
	for _, part := range g.components(inside) {
		if loop, ok := g.fairLoop(part, fairness(p.Eager)); ok {
			start := part[0]
			return &ViolationError{
				Name:    p.Name,
				Trace:   g.pathTo(start),
				State:   g.states[start],
				Endless: true,
				Loop:    loop,
			}
		}
	}
	return nil
}

// pathTo is the shortest way to a state.
func (g *graph) pathTo(i int32) []protocol.Step {
	var back []protocol.Step
	for ; g.paths[i].parent >= 0; i = g.paths[i].parent {
		back = append(back, g.paths[i].step)
	}
	slices.Reverse(back)
	return back
}

// possible tells whether a group can take a step of a set in a state.
func (g *graph) possible(i int32, set []protocol.Action, group protocol.Group) bool {
	return slices.ContainsFunc(g.edges[i], func(e edge) bool { return g.isFair(i, e, set, group) })
}

// isFair tells whether a step is one of a fair set of a group's.
func (g *graph) isFair(i int32, e edge, set []protocol.Action, group protocol.Group) bool {
	if e.step.Group != group || !slices.Contains(set, e.step.Action) {
		return false
	}
	// A group without the lease need not ask for the state lock.
	return e.step.Action != protocol.ActRequestState || g.states[i].Stage[group] != protocol.Idle
}

// fairLoop returns a circle through a strongly connected part, from its first state, that is fair;
// ok is false if there is none.
func (g *graph) fairLoop(part []int32, fair [][]protocol.Action) (loop []protocol.Step, ok bool) {
	in := make(map[int32]bool, len(part))
	for _, i := range part {
		in[i] = true
	}
	at := part[0]
	for _, set := range fair {
		for group := range protocol.Group(g.states[at].Config.Groups) {
			if slices.ContainsFunc(
				loop,
				func(t protocol.Step) bool {
					return t.Group == group && slices.Contains(set, t.Action)
				},
			) {
				continue
			}
			way, end, found := g.walk(at, in, func(i int32) (edge, bool, bool) {
				if !g.possible(i, set, group) {
					return edge{}, false, true
				}
				for _, e := range g.edges[i] {
					if in[e.to] && g.isFair(i, e, set, group) {
						return e, true, true
					}
				}
				return edge{}, false, false
			})
			if !found {
				return nil, false
			}
			loop, at = append(loop, way...), end
		}
	}
	way, _, found := g.walk(
		at,
		in,
		func(i int32) (edge, bool, bool) { return edge{}, false, i == part[0] },
	)
	return append(loop, way...), found
}

// walk goes the shortest way from a state to one at which goal ends it, perhaps with one more step.
func (g *graph) walk(
	from int32,
	in map[int32]bool,
	goal func(i int32) (last edge, step, ok bool),
) ([]protocol.Step, int32, bool) {
	before := map[int32]origin{from: {parent: -1}}
	for queue := []int32{from}; len(queue) > 0; queue = queue[1:] {
		i := queue[0]
		if last, step, ok := goal(i); ok {
			var way []protocol.Step
			for j := i; before[j].parent >= 0; j = before[j].parent {
				way = append(way, before[j].step)
			}
			slices.Reverse(way)
			if step {
				return append(way, last.step), last.to, true
			}
			return way, i, true
		}
		for _, e := range g.edges[i] {
			if _, seen := before[e.to]; in[e.to] && !seen {
				before[e.to] = origin{i, e.step}
				queue = append(queue, e.to)
			}
		}
	}
	return nil, 0, false
}

// components lists the strongly connected parts of the states inside, each with the state that is
// reached first in front, by Tarjan's algorithm without recursion. A state alone is one, too: it
// may stand still.
func (g *graph) components(inside func(int32) bool) (parts [][]int32) {
	n := len(g.states)
	number, low, onStack := make([]int32, n), make([]int32, n), make([]bool, n)
	var stack []int32
	count := int32(0)
	type frame struct {
		node int32
		next int
	}
	for root := range int32(n) {
		if number[root] != 0 || !inside(root) {
			continue
		}
		frames := []frame{{node: root}}
		for len(frames) > 0 {
			f := &frames[len(frames)-1]
			i := f.node
			if f.next == 0 {
				count++
				number[i], low[i], onStack[i] = count, count, true
				stack = append(stack, i)
			}
			if f.next < len(g.edges[i]) {
				to := g.edges[i][f.next].to
				f.next++
				switch {
				case !inside(to):
				case number[to] == 0:
					frames = append(frames, frame{node: to})
				case onStack[to]:
					low[i] = min(low[i], number[to])
				}
				continue
			}
			frames = frames[:len(frames)-1]
			if len(frames) > 0 {
				parent := frames[len(frames)-1].node
				low[parent] = min(low[parent], low[i])
			}
			if low[i] != number[i] {
				continue
			}
			from := slices.Index(stack, i)
			part := slices.Clone(stack[from:])
			for _, j := range part {
				onStack[j] = false
			}
			stack = stack[:from]
			slices.Sort(part)
			parts = append(parts, part)
		}
	}
	slices.SortFunc(parts, func(a, b []int32) int { return int(a[0] - b[0]) })
	return parts
}
