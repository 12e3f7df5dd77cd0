package specified

import (
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/model"
)

// universe has three libraries of one function each.
func universe() model.Universe {
	u := model.Universe{Main: model.Library{Name: "main"}, Rules: model.Rules{HandlePerOpen: true,
		Unnumbered: true, Tolerate: []model.ErrorClass{model.ClassCancelled}}}
	for _, name := range []string{"a", "b", "c"} {
		u.Libraries = append(u.Libraries, model.Library{Name: name,
			Functions: []model.Function{{Name: "f" + name}}})
	}
	return u
}

// toy is a linker without modules, groups or locks. It shares no code with the judges.
type toy struct {
	opened   map[model.Handle]string
	pointers map[string]uint32
	groups   []int
	handles  model.Handle
	born     int
}

func newToy() *toy {
	return &toy{opened: map[model.Handle]string{}, pointers: map[string]uint32{}, groups: []int{0}}
}

// do is the moment at which an operation takes effect.
func (l *toy) do(in model.Input, pick func(int) int) (out model.Output) {
	lib, open := l.opened[in.Handle]
	switch {
	case pick(20) == 0:
		out.Err = model.ClassCancelled
	case !slices.Contains(l.groups, in.Group):
		out.Err = model.ClassGroupClosed
	case in.Op == model.OpSpawn:
		l.born++
		l.groups = append(l.groups, l.born)
		out.Group = l.born
	case in.Op == model.OpLeave:
		l.groups = slices.DeleteFunc(l.groups, func(g int) bool { return g == in.Group })
	case in.Op == model.OpOpen && in.NoLoad && !l.loaded(in.Library):
		out.Err = model.ClassNotLoaded
	case in.Op == model.OpOpen:
		l.handles++
		l.opened[l.handles] = in.Library
		out.Handle = l.handles
	case !open:
		out.Err = model.ClassBadHandle
	case in.Op == model.OpClose:
		delete(l.opened, in.Handle)
		if !l.loaded(lib) {
			delete(l.pointers, lib)
		}
	case in.Name != "f"+lib:
		out.Err = model.ClassMissingSymbol
	default:
		if l.pointers[lib] == 0 {
			l.pointers[lib] = l.freePointer()
		}
		out.Kind, out.Pointer = model.KindFunction, l.pointers[lib]
	}
	return out
}

func (l *toy) loaded(lib string) bool {
	for _, other := range l.opened {
		if other == lib {
			return true
		}
	}
	return false
}

// freePointer is the lowest: pointers come back soon.
func (l *toy) freePointer() uint32 {
	for p := uint32(1); ; p++ {
		used := false
		for _, other := range l.pointers {
			used = used || other == p
		}
		if !used {
			return p
		}
	}
}

// simulate runs clients on the toy: who calls, takes effect or returns next is picked. The history
// is linearizable by construction. So many operations at most have an unknown outcome.
func simulate(clients, operations, unknown int, pick func(int) int) *lincheck.History {
	h := &lincheck.History{Universe: universe()}
	l, groups, handles := newToy(), []int{0}, []model.Handle(nil)
	const idle, called, done = 0, 1, 2
	phase, current, id := make([]int, clients), make([]int, clients), make([]int, clients)
	for c := range id {
		id[c] = c
	}
	stamp, busy, next := int64(0), 0, clients
	for len(h.Operations) < operations || busy > 0 {
		c := pick(clients)
		stamp++
		switch {
		case phase[c] == idle && len(h.Operations) == operations:
		case phase[c] == idle:
			current[c] = len(h.Operations)
			in := input(groups[pick(len(groups))], handles, pick)
			h.Operations = append(h.Operations, lincheck.Operation{Client: id[c], Call: stamp,
				Return: lincheck.Never, Input: in})
			phase[c], busy = called, busy+1
		case unknown > 0 && pick(8) == 0:
			h.Operations[current[c]].Output = model.Output{Unknown: true}
			phase[c], busy, unknown = idle, busy-1, unknown-1
			id[c], next = next, next+1
		case phase[c] == called:
			op := &h.Operations[current[c]]
			op.Output = l.do(op.Input, pick)
			phase[c] = done
		default:
			op := &h.Operations[current[c]]
			op.Return = stamp
			if op.Input.Op == model.OpSpawn && op.Output.Err == "" {
				groups = append(groups, op.Output.Group)
			}
			if op.Output.Handle != 0 {
				handles = append(handles, op.Output.Handle)
			}
			phase[c], busy = idle, busy-1
		}
	}
	return h
}

// input makes up an operation, with one of the newest handles, which may be closed.
func input(group int, handles []model.Handle, pick func(int) int) model.Input {
	handle := func() model.Handle {
		return handles[len(handles)-1-pick(min(4, len(handles)))]
	}
	in := model.Input{Group: group}
	lib := fmt.Sprint(string("abc"[pick(3)]))
	switch kind := pick(16); {
	case kind < 5 || len(handles) == 0:
		in.Op, in.Library, in.NoLoad = model.OpOpen, lib, pick(5) == 0
	case kind < 9:
		in.Op, in.Handle = model.OpClose, handle()
	case kind < 14:
		in.Op, in.Handle, in.Name = model.OpSymbol, handle(), "f"+lib
	case kind < 15 || group == 0:
		in.Op = model.OpSpawn
	default:
		in.Op = model.OpLeave
	}
	return in
}

// corrupt changes something. What comes out may still be linearizable.
func corrupt(h *lincheck.History, pick func(int) int) {
	op := &h.Operations[pick(len(h.Operations))]
	other := &h.Operations[pick(len(h.Operations))]
	if op.Output.Unknown || other.Output.Unknown {
		return
	}
	switch pick(6) {
	case 0:
		op.Output.Pointer = uint32(pick(4))
	case 1:
		op.Output.Handle = model.Handle(pick(4))
	case 2:
		op.Output.Err = [...]model.ErrorClass{"", model.ClassMissingSymbol, model.ClassBadHandle,
			model.ClassNotLoaded, model.ClassGroupClosed}[pick(5)]
	case 3:
		op.Input, other.Input = other.Input, op.Input
		op.Output, other.Output = other.Output, op.Output
	case 4: // as if it had been called and returned at another time, by another client
		length := op.Return - op.Call
		op.Client, op.Call = 1000+op.Client, other.Call
		op.Return = op.Call + length
	case 5:
		i := slices.IndexFunc(h.Operations, func(o lincheck.Operation) bool {
			return o.Client == op.Client && o.Call == op.Call
		})
		h.Operations = slices.Delete(h.Operations, i, i+1)
	}
}
