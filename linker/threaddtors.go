package linker

import (
	"cmp"
	"slices"
)

// threadExits are the destructors of a group's thread-local data. Those of some modules are taken,
// or forgotten, without a look at those of the others.
type threadExits struct {
	of   map[*module][]numberedExit
	live int
	next uint64
	// order has every destructor once, and some that are gone.
	order []numberedModule
}

func (t *threadExits) add(h threadExit) {
	if len(t.order) > 2*t.live+16 { // modules come and go
		t.order = slices.DeleteFunc(t.order, func(o numberedModule) bool { return !t.has(o) })
	}
	t.next++
	t.live++
	t.of[h.mod] = append(t.of[h.mod], numberedExit{h.exitHandler, t.next})
	t.order = append(t.order, numberedModule{h.mod, t.next})
}

// has reports whether a destructor is not gone.
func (t *threadExits) has(o numberedModule) bool {
	_, found := slices.BinarySearchFunc(t.of[o.mod], o.number,
		func(h numberedExit, number uint64) int { return cmp.Compare(h.number, number) })
	return found
}

// last returns the number of the last destructor of a module, 0 if there is none.
func (t *threadExits) last(m *module) uint64 {
	if list := t.of[m]; len(list) > 0 {
		return list[len(list)-1].number
	}
	return 0
}

// lastOf returns the one of some modules, or of all if modules is nil, whose destructor was
// registered last; nil if there is none.
func (t *threadExits) lastOf(modules []*module) (last *module) {
	if modules == nil {
		for n := len(t.order); n > 0; n-- {
			if o := t.order[n-1]; t.has(o) {
				return o.mod
			}
			t.order = t.order[:n-1]
		}
		return nil
	}
	for _, m := range modules {
		if t.last(m) > t.last(last) {
			last = m
		}
	}
	return last
}

// pop takes the last destructor of a module, which has some.
func (t *threadExits) pop(m *module) threadExit {
	list := t.of[m]
	h := list[len(list)-1]
	t.live--
	if t.of[m] = list[:len(list)-1]; len(list) == 1 {
		delete(t.of, m)
	}
	return threadExit{h.exitHandler, m}
}

// drop forgets a module's.
func (t *threadExits) drop(m *module) {
	t.live -= len(t.of[m])
	delete(t.of, m)
}

type numberedExit struct {
	exitHandler
	number uint64
}

type numberedModule struct {
	mod    *module
	number uint64
}
