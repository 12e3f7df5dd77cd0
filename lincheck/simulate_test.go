package lincheck

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/model"
)

// program makes up what clients do, out of what the linker has returned so far. pick(n) chooses
// from 0 to n-1.
type program struct {
	pick    func(n int) int
	handles []model.Handle
	slots   []uint32 // of closures and functions alike
	groups  []int
}

func newProgram(pick func(n int) int) *program {
	return &program{pick: pick, handles: []model.Handle{0}, slots: []uint32{0}, groups: []int{0}}
}

func (p *program) next() model.Input {
	in := model.Input{Group: choose(p, p.groups)}
	switch choose(p, []int{0, 0, 0, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8, 9}) {
	case 0:
		in.Op, in.Library = model.OpOpen, choose(p, []string{"a", "b", "c", "d", "e", "none"})
		in.Local, in.NoLoad = p.pick(2) == 0, p.pick(5) == 0
	case 1:
		in.Op, in.Handle = model.OpClose, choose(p, p.handles)
	case 2:
		in.Op, in.Handle, in.Name = model.OpSymbol, choose(p, p.handles),
			choose(p, []string{"m", "add", "twice", "thrice", "which", "alone", "table"})
		in.Next = p.pick(4) == 0
	case 3:
		in.Op, in.Handle, in.Name = model.OpCall, choose(p, p.handles),
			choose(p, []string{"m", "add", "twice", "thrice", "which", "alone"})
		in.Args, in.Next = []int32{int32(p.pick(4))}, p.pick(4) == 0
	case 4:
		in.Op, in.Pointer, in.Args = model.OpCallPointer, choose(p, p.slots),
			[]int32{int32(p.pick(4))}
	case 5:
		in.Op, in.Count = model.OpAllocateClosure, 1+p.pick(2)
	case 6:
		in.Op, in.Pointer = model.OpFreeClosure, choose(p, p.slots)
	case 7:
		in.Op = model.OpSpawn
	case 9:
		in.Op, in.Pointer, in.Handle = model.OpSetClosure, choose(p, p.slots), choose(p, p.handles)
		in.Name = choose(p, []string{"add", "twice", "thrice", "which", "table"})
	default:
		in.Op = model.OpLeave
		if in.Group == 0 { // so that something remains
			in.Op, in.Library = model.OpOpen, "a"
		}
	}
	return in
}

func choose[T any](p *program, list []T) T { return list[p.pick(len(list))] }

// learn takes note of what was returned.
func (p *program) learn(in model.Input, out model.Output) {
	switch {
	case out.Err != "" || out.Unknown:
	case in.Op == model.OpOpen:
		p.handles = append(p.handles, out.Handle)
	case in.Op == model.OpSymbol && out.Kind == model.KindFunction:
		p.slots = append(p.slots, out.Pointer)
	case in.Op == model.OpAllocateClosure:
		p.slots = append(p.slots, out.Slots...)
	case in.Op == model.OpSpawn:
		p.groups = append(p.groups, out.Group)
	}
}

// simulation says what history simulate makes.
type simulation struct {
	clients, operations int
	numbered            bool
	unknown             int // so many operations at most crash, before or after they took effect
	meet                int // after so many operations all clients meet; 0 for never
}

// simulate runs clients on the toy linker without goroutines: who calls, takes effect or returns
// next is picked. The history is linearizable by construction.
func simulate(u model.Universe, sim simulation, pick func(n int) int) *History {
	h := &History{Universe: u, Stamps: Ordered}
	linker, prog := newToy(u, sim.numbered), newProgram(pick)
	const idle, called, done = 0, 1, 2
	phase, current, id := make([]int, sim.clients), make([]int, sim.clients),
		make([]int, sim.clients)
	for c := range id {
		id[c] = c
	}
	nextID, clock, busy, crashes := sim.clients, int64(0), 0, 0
	for len(h.Operations) < sim.operations || busy > 0 {
		c := pick(sim.clients)
		clock++
		op := (*Operation)(nil)
		if phase[c] != idle {
			op = &h.Operations[current[c]]
		}
		switch {
		case phase[c] == idle:
			meeting := sim.meet > 0 && busy > 0 && len(h.Operations)%sim.meet == 0
			if len(h.Operations) == sim.operations || meeting {
				continue
			}
			current[c] = len(h.Operations)
			h.Operations = append(h.Operations,
				Operation{Client: id[c], Call: clock, Return: Never, Input: prog.next(),
					Output: model.Output{Unknown: true}})
			phase[c] = called
			busy++
		case crashes < sim.unknown && pick(12) == 0 &&
			!(phase[c] == done && op.Input.Op == model.OpAllocateClosure):
			// The slots of an allocation are unknown when its outcome is lost. A client that
			// remembers one of the numbers from earlier would free it, which no model can foresee
			// and no sound client does.
			crashes++
			id[c], nextID = nextID, nextID+1
			phase[c] = idle
			busy--
		case phase[c] == called:
			// The outcome is kept aside until the return: a crash in between loses it.
			op.Output = linker.do(op.Input)
			op.Output.Unknown = true
			phase[c] = done
		default:
			op.Return, op.Output.Unknown = clock, false
			prog.learn(op.Input, op.Output)
			phase[c] = idle
			busy--
		}
	}
	for i := range h.Operations {
		if h.Operations[i].Output.Unknown {
			h.Operations[i].Output = model.Output{Unknown: true}
		}
	}
	return h
}

// corrupt changes a few things. What comes out may still be linearizable.
func corrupt(h *History, pick func(n int) int) {
	for range 4 {
		corruptOne(h, pick)
	}
}

func corruptOne(h *History, pick func(n int) int) {
	op := &h.Operations[pick(len(h.Operations))]
	if op.Output.Unknown {
		return
	}
	switch pick(8) {
	case 0:
		op.Output.Result++
	case 1:
		op.Output.Pointer += uint32(pick(3))
	case 2:
		op.Output.Handle++
	case 3:
		op.Output.Err = [...]model.ErrorClass{"", model.ClassMissingSymbol,
			model.ClassBadHandle}[pick(3)]
	case 4:
		if op.Output.Commit != 0 {
			op.Output.Commit = uint64(1 + pick(len(h.Operations)))
		}
	case 5:
		if op.Output.Read != 0 {
			op.Output.Read = uint64(1 + pick(len(h.Operations)))
		}
	case 6: // two operations change places
		other := &h.Operations[pick(len(h.Operations))]
		if !other.Output.Unknown {
			op.Input, other.Input = other.Input, op.Input
			op.Output, other.Output = other.Output, op.Output
		}
	case 7: // an operation is lost
		i := slices.IndexFunc(h.Operations,
			func(o Operation) bool { return o.Client == op.Client && o.Call == op.Call })
		h.Operations = slices.Delete(h.Operations, i, i+1)
	}
}
