package image

import "slices"

// Unused returns the loaded modules that no handle leads to, nor one of those that are held, nor
// one whose destructors another call is running, in reverse order of instantiation.
func (s *Snapshot) Unused(held map[*Module]bool, c *Closing) []*Module {
	used := map[*Module]bool{}
	var mark func(m *Module)
	mark = func(m *Module) {
		if used[m] {
			return
		}
		used[m] = true
		for _, n := range m.Uses {
			mark(n)
		}
	}
	for i, m := range s.Search {
		if i == 0 || m.Handles.Load() > 0 || held[m] || m.Closing.Load().heldBesides(c) {
			mark(m)
		}
	}
	for _, m := range s.Pinned {
		mark(m)
	}
	var gone []*Module
	for _, m := range slices.Backward(s.Order) {
		if !used[m] {
			gone = append(gone, m)
		}
	}
	return gone
}

// Forget takes modules out of a snapshot, and closures that hold functions of theirs.
func (s *Snapshot) Forget(gone []*Module, dead map[*Module]bool, closures []uint32) {
	isDead := func(m *Module) bool { return dead[m] }
	s.Search = slices.DeleteFunc(slices.Clone(s.Search), isDead)
	s.Global = s.Global.Without(isDead)
	s.Order = slices.DeleteFunc(slices.Clone(s.Order), isDead)
	for _, m := range gone {
		s.Unname(m)
		for name, x := range m.Exports {
			if m.Generated && s.Tags.At(name) == x {
				s.Tags = s.Tags.Without(name)
			}
		}
		for _, fn := range m.Functions {
			s.Pointers = s.Pointers.Without(fn)
		}
	}
	for _, slot := range closures {
		s.Closures = s.Closures.without(slot)
	}
}
