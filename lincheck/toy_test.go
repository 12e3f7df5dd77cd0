package lincheck

import (
	"slices"
	"sync"

	"github.com/lockstep-wasm/lockstep/model"
)

// toyUniverse has libraries in three components: a needs b, c and d shadow each other, e stands
// alone. No cycles and no imports, so that the toy linker can stay a toy.
func toyUniverse() model.Universe {
	f := func(name string, mul, add int32) model.Function {
		return model.Function{Name: name, Params: 1, Behaviour: model.Behaviour{Mul: mul, Add: add}}
	}
	return model.Universe{
		Main: model.Library{Name: "main", Functions: []model.Function{f("m", 1, 0)}},
		Libraries: []model.Library{
			{Name: "a", Needed: []string{"b"},
				Functions: []model.Function{f("add", 1, 1), f("twice", 2, 0)}},
			{Name: "b", Functions: []model.Function{f("thrice", 3, 0)},
				Data: []model.Data{{Name: "table", Size: 16}}},
			{Name: "c", Functions: []model.Function{f("which", 0, 100)}},
			{Name: "d", Functions: []model.Function{f("which", 0, 200)}},
			{Name: "e", Functions: []model.Function{f("alone", 5, 5)}},
		},
		Rules: model.Rules{Tolerate: []model.ErrorClass{model.ClassCancelled}},
	}
}

// toy is a linker without modules: one lock, plain reference counts. It shares no code with the
// sequential model, which it thereby tests: what it does under its lock has to be linearizable.
type toy struct {
	mu       sync.Mutex
	u        model.Universe
	numbered bool   // whether commit numbers are reported, reads included
	commit   uint64 // the construction is commit 1: a read at 0 would be one that does not know
	handle   model.Handle
	loaded   []*toyLibrary // in load order
	global   []*toyLibrary // in the order in which they became global
	slots    map[uint32]toySlot
	groups   map[int]bool
	group    int
	address  uint32
}

type toyLibrary struct {
	lib         *model.Library
	opens, refs int
	handle      model.Handle
	handles     []model.Handle // of every opening
	data        map[string]uint32
}

// toySlot is what is in a table slot: a function, or a closure, which may be null.
type toySlot struct {
	lib     *toyLibrary
	fn      *model.Function
	closure bool
}

func newToy(u model.Universe, numbered bool) *toy {
	l := &toy{u: u, numbered: numbered, commit: 1, slots: make(map[uint32]toySlot),
		groups: map[int]bool{0: true}, address: 1024}
	l.loaded = []*toyLibrary{{lib: &l.u.Main, refs: 1, data: map[string]uint32{}}}
	l.global = l.loaded[:1:1]
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
		known := slices.ContainsFunc(l.u.Libraries,
			func(lib model.Library) bool { return lib.Name == in.Library })
		if in.NoLoad && l.find(in.Library) == nil {
			return fail(model.ClassNotLoaded)
		}
		if !known {
			return fail(model.ClassMissingFile)
		}
		changed := l.find(in.Library) == nil
		lib := l.load(in.Library)
		if !in.Local && l.promote(lib) {
			changed = true
		}
		if changed {
			l.commit++
		}
		if lib.opens == 0 || l.u.Rules.HandlePerOpen {
			l.handle++
			lib.handle = l.handle
		}
		lib.handles = append(lib.handles, lib.handle)
		lib.opens++
		return model.Output{Handle: lib.handle}
	case model.OpClose:
		lib := l.byHandle(in.Handle)
		if lib == nil {
			return fail(model.ClassBadHandle)
		}
		lib.opens--
		i := slices.Index(lib.handles, in.Handle)
		lib.handles = slices.Delete(lib.handles, i, i+1)
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
			out.Slots = append(out.Slots, l.take(toySlot{closure: true}))
		}
		l.commit++
		return out
	case model.OpFreeClosure:
		if !l.slots[in.Pointer].closure {
			return fail(model.ClassBadSlot)
		}
		delete(l.slots, in.Pointer)
		l.commit++
		return model.Output{}
	case model.OpSetClosure:
		if !l.slots[in.Pointer].closure {
			return fail(model.ClassBadSlot)
		}
		lib, fn, out := l.definition(in)
		switch {
		case out.Err != "":
			return out
		case fn == nil:
			return fail(model.ClassNotFunction)
		}
		l.slots[in.Pointer] = toySlot{lib, fn, true}
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
		if h != 0 && slices.Contains(lib.handles, h) {
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

// promote makes a library global, and what it needs, and says whether it was not.
func (l *toy) promote(lib *toyLibrary) (changed bool) {
	for _, one := range l.withNeeded(lib) {
		if !slices.Contains(l.global, one) {
			l.global, changed = append(l.global, one), true
		}
	}
	return changed
}

// withNeeded is a library and what it needs; in the toy universe nothing of that needs anything.
func (l *toy) withNeeded(lib *toyLibrary) []*toyLibrary {
	all := []*toyLibrary{lib}
	for _, name := range lib.lib.Needed {
		all = append(all, l.find(name))
	}
	return all
}

// around is what was opened together with a library: each loaded one that is or needs it, and what
// that needs, each once.
func (l *toy) around(lib *toyLibrary) (all []*toyLibrary) {
	for _, root := range l.loaded {
		group := l.withNeeded(root)
		if !slices.Contains(group, lib) {
			continue
		}
		for _, one := range group {
			if !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return all
}

func (l *toy) unload(lib *toyLibrary) {
	l.loaded = slices.DeleteFunc(l.loaded, func(other *toyLibrary) bool { return other == lib })
	l.global = slices.DeleteFunc(l.global, func(other *toyLibrary) bool { return other == lib })
	for slot, use := range l.slots {
		switch {
		case use.lib != lib:
		case use.closure:
			l.slots[slot] = toySlot{closure: true}
		default:
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

// lookUp does what OpSymbol and OpCall do.
func (l *toy) lookUp(in model.Input) model.Output {
	lib, fn, out := l.definition(in)
	switch {
	case fn == nil || out.Err != "":
		if out.Kind == model.KindData && in.Op == model.OpCall {
			out = model.Output{Err: model.ClassNotFunction}
		}
		return out
	case in.Op == model.OpCall:
		return model.Output{Result: fn.Behaviour.Mul*in.Args[0] + fn.Behaviour.Add}
	}
	return model.Output{Kind: model.KindFunction, Pointer: l.pointer(lib, fn)}
}

// definition finds a function, or else the outcome of a look-up: data, or an error.
func (l *toy) definition(in model.Input) (*toyLibrary, *model.Function, model.Output) {
	scope, from := l.global, l.global[0]
	if in.Handle != 0 {
		if from = l.byHandle(in.Handle); from == nil {
			return nil, nil, model.Output{Err: model.ClassBadHandle}
		}
		scope = l.withNeeded(from)
	}
	if in.Next {
		scope = l.global
		if !slices.Contains(l.global, from) {
			scope = l.around(from)
		}
		scope = scope[slices.Index(scope, from)+1:]
	}
	for _, lib := range scope {
		if address, ok := lib.data[in.Name]; ok {
			return lib, nil, model.Output{Kind: model.KindData, Pointer: address}
		}
		for i := range lib.lib.Functions {
			if fn := &lib.lib.Functions[i]; fn.Name == in.Name {
				return lib, fn, model.Output{}
			}
		}
	}
	return nil, nil, model.Output{Err: model.ClassMissingSymbol}
}

// pointer gives a function its slot when it is first asked for.
func (l *toy) pointer(lib *toyLibrary, fn *model.Function) uint32 {
	for slot, use := range l.slots {
		if use.lib == lib && use.fn == fn && !use.closure {
			return slot
		}
	}
	l.commit++
	return l.take(toySlot{lib: lib, fn: fn})
}
