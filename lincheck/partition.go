package lincheck

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/model"
)

// A history of independent objects is linearizable if and only if that of each object is (Herlihy
// and Wing 1990, theorem 1). Objects here are whatever operations can have in common; two
// operations that share any belong into one part:
//
//   - a component of the universe: libraries that need, provide or shadow each other;
//   - a handle, a table slot, a group that comes or goes;
//   - the commit order: all operations that know their place in it;
//   - the address space: all data addresses.
//
// What an operation touches is read off its input and output and, for slots and handles, off the
// state before.
type key struct {
	kind keyKind
	id   uint64
}

type keyKind uint8

const (
	keyComponent keyKind = iota
	keyHandle
	keySlot
	keyGroup
	keyNumbers
	keyAddresses
)

// partition divides the operations of a round into independent parts, each in the given order. One
// part is always right.
func partition(m *model.Sequential, h *History, from *model.State, ops []int) [][]int {
	p := partitioner{m: m, h: h, from: from, parent: make(map[key]key), ended: make(map[int]bool)}
	p.findEnded(ops)
	keys := make([]key, len(ops))
	for k, i := range ops {
		touched := p.touched(&h.Operations[i])
		for _, other := range touched {
			p.join(touched[0], other)
		}
		if len(touched) == 0 {
			// It fails or succeeds all by itself; it may go with anything.
			touched = []key{{keyNumbers, 0}}
		}
		keys[k] = touched[0]
	}
	for _, i := range ops {
		if p.touchesAll(&h.Operations[i], ops) {
			return [][]int{ops}
		}
	}
	part := make(map[key]int)
	var parts [][]int
	for k, i := range ops {
		root := p.find(keys[k])
		n, ok := part[root]
		if !ok {
			n = len(parts)
			part[root] = n
			parts = append(parts, nil)
		}
		parts[n] = append(parts[n], i)
	}
	return parts
}

type partitioner struct {
	m      *model.Sequential
	h      *History
	from   *model.State
	parent map[key]key
	ended  map[int]bool // groups that come or go
}

func (p *partitioner) find(k key) key {
	for {
		up, ok := p.parent[k]
		if !ok || up == k {
			return k
		}
		if next, ok := p.parent[up]; ok {
			p.parent[k] = next
		}
		k = up
	}
}

func (p *partitioner) join(a, b key) {
	if a, b = p.find(a), p.find(b); a != b {
		p.parent[b] = a
	}
}

// findEnded notes the groups whose life begins or ends in the round; all others are the same at
// every moment.
func (p *partitioner) findEnded(ops []int) {
	for _, i := range ops {
		op := &p.h.Operations[i]
		switch {
		case op.Input.Op == model.OpLeave, op.Output.Trap != "" && p.m.Rules().TrapKillsGroup:
			p.ended[op.Input.Group] = true
		case op.Input.Op == model.OpSpawn && op.Output.Err == "":
			p.ended[op.Output.Group] = true
		}
	}
}

// touched lists what an operation has to do with.
func (p *partitioner) touched(op *Operation) []key {
	var keys []key
	in, out := &op.Input, &op.Output
	if op.number() != 0 {
		keys = append(keys, key{keyNumbers, 0})
	}
	if p.ended[in.Group] {
		keys = append(keys, key{keyGroup, uint64(in.Group)})
	}
	switch in.Op {
	case model.OpOpen:
		if lib, ok := p.m.LibraryNumber(in.Library); ok {
			keys = append(keys, p.component(lib))
		}
		if out.Err == "" {
			keys = append(keys, p.handle(out.Handle))
		}
	case model.OpClose:
		keys = append(keys, p.handle(in.Handle))
	case model.OpSymbol, model.OpCall:
		if in.Handle != 0 {
			keys = append(keys, p.handle(in.Handle))
		}
		if lib, ok := p.m.Exporter(in.Name); ok {
			keys = append(keys, p.component(lib))
		}
		if in.Op == model.OpSymbol && out.Err == "" {
			keys = append(keys, p.symbol(out))
		}
	case model.OpCallPointer, model.OpFreeClosure:
		keys = append(keys, p.slot(in.Pointer))
	case model.OpSetClosure:
		keys = append(keys, p.slot(in.Pointer))
		if in.Handle != 0 {
			keys = append(keys, p.handle(in.Handle))
		}
		if lib, ok := p.m.Exporter(in.Name); ok {
			keys = append(keys, p.component(lib))
		}
	case model.OpAllocateClosure:
		for _, slot := range out.Slots {
			keys = append(keys, p.slot(slot))
		}
	case model.OpSpawn:
		if out.Err == "" {
			keys = append(keys, key{keyGroup, uint64(out.Group)})
		}
	}
	return keys
}

func (p *partitioner) component(library int) key {
	return key{keyComponent, uint64(p.m.Component(library))}
}

func (p *partitioner) handle(h model.Handle) key {
	k := key{keyHandle, uint64(h)}
	if lib, open := p.from.HandleOf(h); open {
		p.join(k, p.component(lib))
	}
	return k
}

func (p *partitioner) slot(slot uint32) key {
	k := key{keySlot, uint64(slot)}
	if lib, _, _ := p.m.KnownSlot(p.from, slot); lib >= 0 {
		p.join(k, p.component(lib))
	}
	return k
}

func (p *partitioner) symbol(out *model.Output) key {
	if out.Kind == model.KindData {
		return key{keyAddresses, 0}
	}
	return p.slot(out.Pointer)
}

// closureOf says whether a slot may become, or cease to be, a closure's in the round.
func (p *partitioner) closureOf(slot uint32, ops []int) (allocated, freed bool) {
	for _, i := range ops {
		op := &p.h.Operations[i]
		allocated = allocated || op.Input.Op == model.OpAllocateClosure &&
			slices.Contains(op.Output.Slots, slot)
		freed = freed || op.Input.Op == model.OpFreeClosure && op.Input.Pointer == slot
	}
	return allocated, freed
}

// touchesAll says whether an operation can depend on anything at all: a poisoned linker, or a call
// through a slot that no known function has throughout the round, which may be that of any
// function.
func (p *partitioner) touchesAll(op *Operation, ops []int) bool {
	switch {
	case op.Output.Err == model.ClassPoisoned:
		return true
	case op.Input.Op != model.OpCallPointer, op.Output.Trap == model.TrapBadPointer,
		op.Output.Err != "":
		return false
	}
	lib, closure, known := p.m.KnownSlot(p.from, op.Input.Pointer)
	if allocated, freed := p.closureOf(op.Input.Pointer, ops); closure || allocated {
		// What it holds was put there by operations that touch the slot, too. Once it is free it
		// may be any function's.
		return freed
	}
	if !known {
		return true
	}
	// Its library might be closed meanwhile, and the slot given to another.
	for _, i := range ops {
		if other := &p.h.Operations[i]; other.Input.Op == model.OpClose && other.Output.Err == "" &&
			p.find(key{keyHandle, uint64(other.Input.Handle)}) == p.find(p.component(lib)) {
			return true
		}
	}
	return false
}
