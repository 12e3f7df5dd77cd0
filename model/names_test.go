package model

import "testing"

// named is the state of tla/LinkerNames.tla for one name, between calls: whether its library is
// loaded, and the pointer of its symbol, 0 for none.
type named struct {
	loaded  bool
	pointer uint32
}

// perform is an operation of LinkerNames and its result: Perform, Look or Answer. It reports
// whether the specification allows it.
func (n named) perform(op Op, result uint32) (named, bool) {
	switch op {
	case OpOpen:
		return named{loaded: true}, !n.loaded
	case OpClose:
		return named{}, n.loaded
	}
	if !n.loaded || n.pointer != 0 && n.pointer != result { // OnePointer
		return n, false
	}
	n.pointer = result
	return n, true
}

// In every order of a few operations by two groups, the sequential model allows what LinkerNames
// allows, and nothing else: one symbol, one pointer, for every group, until it is unloaded.
func TestNamesAreOfTheModel(t *testing.T) {
	m, err := NewSequential(Universe{Main: Library{Name: "main"}, Libraries: []Library{{
		Name: "lib", Functions: []Function{{Name: "f", Params: 1, Behaviour: Behaviour{Mul: 2}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	first, err := m.Step(m.Init(), Input{Op: OpSpawn}, Output{Group: 1, Commit: 1})
	if err != nil {
		t.Fatal(err)
	}
	allowed, refused := 0, 0
	var walk func(depth int, s *State, n named, handle Handle)
	walk = func(depth int, s *State, n named, handle Handle) {
		if depth == 0 {
			return
		}
		for g := range 2 {
			for _, call := range []struct {
				op     Op
				result uint32
			}{{OpOpen, 0}, {OpClose, 0}, {OpSymbol, 17}, {OpSymbol, 18}} {
				if call.op == OpOpen && n.loaded {
					continue // another handle, of which LinkerNames says nothing
				}
				in := Input{Op: call.op, Group: g, Handle: handle}
				out := Output{Commit: s.Commit() + 1}
				switch call.op {
				case OpOpen:
					in.Library, in.Handle, out.Handle = "lib", 0, handle+1
				case OpSymbol:
					in.Name, out.Kind, out.Pointer = "f", KindFunction, call.result
					if n.pointer != 0 {
						out.Commit = 0 // the first look finds it
					}
				}
				next, want := n.perform(call.op, call.result)
				after, err := m.Step(s, in, out)
				if (err == nil) != want {
					t.Fatalf("%s in %s: the model says %v, LinkerNames allows it: %v",
						Describe(in, out), m.Describe(s), err, want)
				}
				if err != nil {
					refused++
					continue
				}
				allowed++
				walk(depth-1, after, next, max(handle, out.Handle))
			}
		}
	}
	walk(6, first, named{}, 0)
	if allowed < 1000 || refused < 1000 {
		t.Errorf("only %d steps were allowed, %d refused", allowed, refused)
	}
}
