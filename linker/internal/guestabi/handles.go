package guestabi

import (
	"slices"
	"sync"
)

// Opened is one opening of a library.
type Opened interface {
	comparable
	// Gone reports whether the operation that opened it has failed in the end.
	Gone() bool
}

// Handles are the libraries that guests have open, by handles. A handle is the number of its
// module, which no other module has or had, so a stale one is never another library's. One handle
// stands for as many openings as there were. It is safe for concurrent use.
type Handles[L Opened] struct {
	// Most is how many openings there may be at once. It is set before the first use.
	Most   int
	Errors *Errors

	mu    sync.Mutex     // guards what follows
	open  map[uint32][]L // one for each dlopen that no dlclose has answered
	count int            // the sum of the lengths in open
}

// Room returns an error if no more may be opened.
func (h *Handles[L]) Room() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.count < h.Most {
		return nil
	}
	for handle := range h.open {
		h.prune(handle)
	}
	if h.count < h.Most {
		return nil
	}
	return h.Errors.Limit(LimitHandles, uint64(h.count)+1, uint64(h.Most))
}

// Add notes an opening under a handle.
func (h *Handles[L]) Add(handle uint32, lib L) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == nil {
		h.open = map[uint32][]L{}
	}
	h.open[handle] = append(h.open[handle], lib)
	h.count++
}

// prune forgets what was opened by operations that failed in the end.
func (h *Handles[L]) prune(handle uint32) {
	before := len(h.open[handle])
	h.keep(handle, before, slices.DeleteFunc(h.open[handle], L.Gone))
}

// keep replaces the openings of a handle, whose number was before, and adjusts count.
func (h *Handles[L]) keep(handle uint32, before int, libs []L) {
	h.count -= before - len(libs)
	if len(libs) == 0 {
		delete(h.open, handle)
		return
	}
	h.open[handle] = libs
}

// last returns what was opened last under a handle; false for nothing. What was opened by an
// operation that failed in the end is forgotten on the way, so that each costs one look.
func (h *Handles[L]) last(handle uint32) (lib L, ok bool) {
	libs := h.open[handle]
	n := len(libs)
	for n > 0 && libs[n-1].Gone() {
		n--
	}
	h.keep(handle, len(libs), libs[:n])
	if n == 0 {
		return lib, false
	}
	return libs[n-1], true
}

// Find returns the youngest opening under a handle.
func (h *Handles[L]) Find(handle uint32) (L, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	lib, ok := h.last(handle)
	if !ok {
		return lib, h.Errors.Handle(handle)
	}
	return lib, nil
}

// Take returns one opening, for it to be closed, and forgets it.
func (h *Handles[L]) Take(handle uint32) (L, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	lib, ok := h.last(handle)
	if !ok {
		return lib, h.Errors.Handle(handle)
	}
	libs := h.open[handle]
	h.keep(handle, len(libs), libs[:len(libs)-1])
	return lib, nil
}
