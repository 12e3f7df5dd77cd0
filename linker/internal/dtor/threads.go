package dtor

import (
	"cmp"
	"slices"
)

// threadList are the destructors of a group's thread-local data. Those of some modules are taken,
// or forgotten, without a look at those of the others.
type threadList[M comparable] struct {
	of   map[M][]numbered
	live int
	next uint64
	// order has every destructor once, and some that are gone.
	order []numberedModule[M]
}

func (t *threadList[M]) add(h ThreadHandler[M]) {
	if len(t.order) > 2*t.live+16 { // modules come and go
		t.order = slices.DeleteFunc(t.order, func(o numberedModule[M]) bool { return !t.has(o) })
	}
	t.next++
	t.live++
	t.of[h.Mod] = append(t.of[h.Mod], numbered{h.Handler, t.next})
	t.order = append(t.order, numberedModule[M]{h.Mod, t.next})
}

// has reports whether a destructor is not gone.
func (t *threadList[M]) has(o numberedModule[M]) bool {
	_, found := slices.BinarySearchFunc(t.of[o.mod], o.number,
		func(h numbered, number uint64) int { return cmp.Compare(h.number, number) })
	return found
}

// last returns the number of the last destructor of a module, 0 if there is none.
func (t *threadList[M]) last(m M) uint64 {
	if list := t.of[m]; len(list) > 0 {
		return list[len(list)-1].number
	}
	return 0
}

// lastOf returns the one of some modules, or of all if modules is nil, whose destructor was
// registered last.
func (t *threadList[M]) lastOf(modules []M) (last M, ok bool) {
	if modules == nil {
		for n := len(t.order); n > 0; n-- {
			if o := t.order[n-1]; t.has(o) {
				return o.mod, true
			}
			t.order = t.order[:n-1]
		}
		return last, false
	}
	latest := uint64(0)
	for _, m := range modules {
		if n := t.last(m); n > latest {
			last, latest, ok = m, n, true
		}
	}
	return last, ok
}

// pop takes the last destructor of a module, which has some.
func (t *threadList[M]) pop(m M) ThreadHandler[M] {
	list := t.of[m]
	h := list[len(list)-1]
	t.live--
	if t.of[m] = list[:len(list)-1]; len(list) == 1 {
		delete(t.of, m)
	}
	return ThreadHandler[M]{h.Handler, m}
}

// drop forgets a module's.
func (t *threadList[M]) drop(m M) {
	t.live -= len(t.of[m])
	delete(t.of, m)
}

type numbered struct {
	Handler
	number uint64
}

type numberedModule[M comparable] struct {
	mod    M
	number uint64
}
