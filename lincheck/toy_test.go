package lincheck

import (
	"slices"
	"sync"

	"github.com/lockstep-wasm/lockstep/model"
)

// toyUniverse has libraries in three components: a needs b, c and d shadow each other, e stands alone. No cycles and no
// imports, so that the toy linker can stay a toy.
func toyUniverse() model.Universe {
	f := func(name string, mul, add int32) model.Function {
		return model.Function{Name: name, Params: 1, Behaviour: model.Behaviour{Mul: mul, Add: add}}
	}
	return model.Universe{
		Main: model.Library{Name: "main", Functions: []model.Function{f("m", 1, 0)}},
		Libraries: []model.Library{
			{Name: "a", Needed: []string{"b"}, Functions: []model.Function{f("add", 1, 1), f("twice", 2, 0)}},
			{Name: "b", Functions: []model.Function{f("thrice", 3, 0)}, Data: []model.Data{{Name: "table", Size: 16}}},
			{Name: "c", Functions: []model.Function{f("which", 0, 100)}},
			{Name: "d", Functions: []model.Function{f("which", 0, 200)}},
			{Name: "e", Functions: []model.Function{f("alone", 5, 5)}},
		},
		Rules: model.Rules{Tolerate: []model.ErrorClass{model.ClassCancelled}},
	}
}

// toy is a linker without modules: one lock, plain reference counts. It shares no code with the sequential model, which it
// thereby tests: what it does under its lock has to be linearizable.
type toy struct {
	mu       sync.Mutex
	u        model.Universe
	numbered bool   // whether commit numbers are reported, reads included
	commit   uint64 // the construction is commit 1: a read at 0 would be one that does not know
	handle   model.Handle
	loaded   []*toyLibrary // in load order
	slots    map[uint32]toySlot
	groups   map[int]bool
	group    int
	address  uint32
}

type toyLibrary struct {
	lib         *model.Library
	opens, refs int
	handle      model.Handle
	data        map[string]uint32
}

// toySlot is what is in a table slot: a function, or a closure if lib is nil.
type toySlot struct {
	lib *toyLibrary
	fn  *model.Function
}

func newToy(u model.Universe, numbered bool) *toy {
	l := &toy{u: u, numbered: numbered, commit: 1, slots: make(map[uint32]toySlot), groups: map[int]bool{0: true}, address: 1024}
	l.loaded = []*toyLibrary{{lib: &l.u.Main, refs: 1, data: map[string]uint32{}}}
	return l
}

// do is the linearization point of an operation.
func (l *toy) do(in model.Input) model.Output {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.commit
	out := l.operate(in)
	switch {
	case l.numbered && l.commit > before:
		out.Commit = l.commit
	case l.numbered && out.Err != model.ClassCancelled:
		out.Read = l.commit
	}
	return out
}

func (l *toy) operate(in model.Input) model.Output {
	fail := func(class model.ErrorClass) model.Output { return model.Output{Err: class} }
	if !l.groups[in.Group] {
		return fail(model.ClassGroupClosed)
	}
	switch in.Op {
	case model.OpOpen:
		i := slices.IndexFunc(l.u.Libraries, func(lib model.Library) bool { return lib.Name == in.Library })
		if i < 0 {
			return fail(model.ClassMissingFile)
		}
		if l.find(in.Library) == nil {
			l.commit++
		}
		lib := l.load(in.Library)
		if lib.opens == 0 {
			l.handle++
			lib.handle = l.handle
		}
		lib.opens++
		return model.Output{Handle: lib.handle}
	case model.OpClose:
		lib := l.byHandle(in.Handle)
		if lib == nil {
			return fail(model.ClassBadHandle)
		}
		lib.opens--
		if lib.opens+lib.refs == 0 {
			l.commit++
			l.unload(lib)
		}
		return model.Output{}
	case model.OpSymbol, model.OpCall:
		return l.lookUp(in)
	case model.OpCallPointer:
		slot, ok := l.slots[in.Pointer]
		if !ok || slot.lib == nil {
			return model.Output{Trap: model.TrapBadPointer}
		}
		return model.Output{Result: slot.fn.Behaviour.Mul*in.Args[0] + slot.fn.Behaviour.Add}
	case model.OpAllocateClosure:
		var out model.Output
		for range in.Count {
			out.Slots = append(out.Slots, l.take(toySlot{}))
		}
		l.commit++
		return out
	case model.OpFreeClosure:
		if slot, ok := l.slots[in.Pointer]; !ok || slot.lib != nil {
			return fail(model.ClassBadSlot)
		}
		delete(l.slots, in.Pointer)
		l.commit++
		return model.Output{}
	case model.OpSpawn:
		l.group++
		l.groups[l.group] = true
		l.commit++
		return model.Output{Group: l.group}
	default:
		delete(l.groups, in.Group)
		l.commit++
		return model.Output{}
	}
}

func (l *toy) find(name string) *toyLibrary {
	for _, lib := range l.loaded {
		if lib.lib.Name == name {
			return lib
		}
	}
	return nil
}

func (l *toy) byHandle(h model.Handle) *toyLibrary {
	for _, lib := range l.loaded {
		if h != 0 && lib.handle == h && lib.opens > 0 {
			return lib
		}
	}
	return nil
}

func (l *toy) load(name string) *toyLibrary {
	if lib := l.find(name); lib != nil {
		return lib
	}
	i := slices.IndexFunc(l.u.Libraries, func(lib model.Library) bool { return lib.Name == name })
	lib := &toyLibrary{lib: &l.u.Libraries[i], data: make(map[string]uint32)}
	l.loaded = append(l.loaded, lib)
	for _, needed := range lib.lib.Needed {
		l.load(needed).refs++
	}
	for _, d := range lib.lib.Data {
		lib.data[d.Name] = l.address
		l.address += d.Size
	}
	return lib
}

func (l *toy) unload(lib *toyLibrary) {
	l.loaded = slices.DeleteFunc(l.loaded, func(other *toyLibrary) bool { return other == lib })
	for slot, use := range l.slots {
		if use.lib == lib {
			delete(l.slots, slot)
		}
	}
	for _, name := range lib.lib.Needed {
		needed := l.find(name)
		needed.refs--
		if needed.refs+needed.opens == 0 {
			l.unload(needed)
		}
	}
}

// take uses the lowest free slot, so that slots are used again soon.
func (l *toy) take(use toySlot) uint32 {
	slot := uint32(1)
	for ; ; slot++ {
		if _, taken := l.slots[slot]; !taken {
			l.slots[slot] = use
			return slot
		}
	}
}

func (l *toy) lookUp(in model.Input) model.Output {
	scope := l.loaded
	if in.Handle != 0 {
		lib := l.byHandle(in.Handle)
		if lib == nil {
			return model.Output{Err: model.ClassBadHandle}
		}
		scope = []*toyLibrary{lib}
		for _, name := range lib.lib.Needed {
			scope = append(scope, l.find(name))
		}
	}
	for _, lib := range scope {
		if address, ok := lib.data[in.Name]; ok && in.Op == model.OpSymbol {
			return model.Output{Kind: model.KindData, Pointer: address}
		}
		for i := range lib.lib.Functions {
			fn := &lib.lib.Functions[i]
			switch {
			case fn.Name != in.Name:
			case in.Op == model.OpCall:
				return model.Output{Result: fn.Behaviour.Mul*in.Args[0] + fn.Behaviour.Add}
			default:
				return model.Output{Kind: model.KindFunction, Pointer: l.pointer(lib, fn)}
			}
		}
	}
	return model.Output{Err: model.ClassMissingSymbol}
}

// pointer gives a function its slot when it is first asked for.
func (l *toy) pointer(lib *toyLibrary, fn *model.Function) uint32 {
	for slot, use := range l.slots {
		if use.lib == lib && use.fn == fn {
			return slot
		}
	}
	l.commit++
	return l.take(toySlot{lib, fn})
}

// program makes up what clients do, out of what the linker has returned so far. pick(n) chooses from 0 to n-1.
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
	switch choose(p, []int{0, 0, 0, 1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 7, 8}) {
	case 0:
		in.Op, in.Library = model.OpOpen, choose(p, []string{"a", "b", "c", "d", "e", "none"})
	case 1:
		in.Op, in.Handle = model.OpClose, choose(p, p.handles)
	case 2:
		in.Op, in.Handle, in.Name = model.OpSymbol, choose(p, p.handles), choose(p, []string{"m", "add", "twice", "thrice", "which", "alone", "table"})
	case 3:
		in.Op, in.Handle, in.Name = model.OpCall, choose(p, p.handles), choose(p, []string{"m", "add", "twice", "thrice", "which", "alone"})
		in.Args = []int32{int32(p.pick(4))}
	case 4:
		in.Op, in.Pointer, in.Args = model.OpCallPointer, choose(p, p.slots), []int32{int32(p.pick(4))}
	case 5:
		in.Op, in.Count = model.OpAllocateClosure, 1+p.pick(2)
	case 6:
		in.Op, in.Pointer = model.OpFreeClosure, choose(p, p.slots)
	case 7:
		in.Op = model.OpSpawn
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

// simulate runs clients on the toy linker without goroutines: who calls, takes effect or returns next is picked. The history
// is linearizable by construction.
func simulate(u model.Universe, sim simulation, pick func(n int) int) *History {
	h := &History{Universe: u, Stamps: Ordered}
	linker, prog := newToy(u, sim.numbered), newProgram(pick)
	const idle, called, done = 0, 1, 2
	phase, current, id := make([]int, sim.clients), make([]int, sim.clients), make([]int, sim.clients)
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
			h.Operations = append(h.Operations, Operation{Client: id[c], Call: clock, Return: Never, Input: prog.next(), Output: model.Output{Unknown: true}})
			phase[c] = called
			busy++
		case crashes < sim.unknown && pick(12) == 0:
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
		op.Output.Err = [...]model.ErrorClass{"", model.ClassMissingSymbol, model.ClassBadHandle}[pick(3)]
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
		i := slices.IndexFunc(h.Operations, func(o Operation) bool { return o.Client == op.Client && o.Call == op.Call })
		h.Operations = slices.Delete(h.Operations, i, i+1)
	}
}
