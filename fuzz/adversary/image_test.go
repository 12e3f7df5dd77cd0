package adversary_test

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker"
)

// image is a linker and what the tasks know of it. What they know is kept beside the linker, never
// asked from it, so that the answers can be compared.
type image struct {
	w      *world
	l      *linker.Linker
	number int
	names  map[string]uint32 // C strings in the guest's memory

	ending  atomic.Bool   // Close has begun
	exited  atomic.Bool   // a guest may have exited
	closed  atomic.Bool   // Close has returned
	threads atomic.Bool   // the guest may have started a thread
	grows   atomic.Bool   // the guest has made its heap larger
	newest  atomic.Uint64 // the highest number of an operation that has returned
	began   uint32        // bytes of memory before the tasks began

	mu        sync.Mutex // guards what follows
	sequence  int
	members   []*member
	handles   []*handle
	closures  []*closure
	pointers  []pointer
	prepared  []*prepared
	callbacks []*closure
}

// member is a group of an image.
type member struct {
	g    *linker.Group
	im   *image
	rank int // a host function enters groups of higher ranks only, so that none waits for another
	// doomed says that something that ends the group has begun.
	doomed atomic.Bool
}

// handle is the handle of a library. Any task uses and closes it.
type handle struct {
	lib  *linker.Library
	name string
	im   *image
	// closers is how many closings are under way, have succeeded, or may have.
	closers atomic.Int32
	closed  atomic.Bool // a closing has succeeded
	// provisional says that a constructor has opened it: it ends with the operation, should that
	// fail.
	provisional bool
}

// sure reports whether the library is loaded, as far as the handle is concerned. If it was sure
// before and after something, it was so in between.
func (h *handle) sure() bool { return h != nil && !h.provisional && h.closers.Load() == 0 }

// closure is an entry of the function table that tasks share.
type closure struct {
	slot  uint32
	freed atomic.Bool
	// freers is likewise how many have begun to free it.
	freers atomic.Int32

	mu   sync.Mutex // guards what follows
	held map[int32]bool
}

// prepared is a function that was looked up for many calls.
type prepared struct {
	f      *linker.Func
	member *member
	lib    library
	handle *handle // through which it was found; nil for the global scope
}

// pointer is a function pointer that was handed out.
type pointer struct {
	slot   uint32
	base   int32 // the identity of its function
	handle *handle
	kept   bool // its library is never unloaded
}

// ends reports whether something that ends the image has begun: Close, or an exit when there has
// been a thread.
func (im *image) ends() bool {
	return im.ending.Load() || im.exited.Load() && im.threads.Load()
}

func (im *image) addMember(g *linker.Group) *member {
	im.mu.Lock()
	defer im.mu.Unlock()
	m := &member{g: g, im: im, rank: im.number*1_000_000 + im.sequence}
	im.sequence++
	im.members = append(im.members, m)
	return m
}

// forget drops a group that has ended.
func (im *image) forget(m *member) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.members = slices.DeleteFunc(im.members, func(x *member) bool { return x == m })
}

// member picks a group whose rank is at least what is asked for; nil if there is none.
func (im *image) member(n, rank int) *member {
	im.mu.Lock()
	defer im.mu.Unlock()
	var fit []*member
	for _, m := range im.members {
		if m.rank >= rank {
			fit = append(fit, m)
		}
	}
	return pick(fit, n)
}

func (im *image) memberOf(g *linker.Group) *member {
	im.mu.Lock()
	defer im.mu.Unlock()
	for _, m := range im.members {
		if m.g == g {
			return m
		}
	}
	return nil
}

func (im *image) addHandle(h *handle) {
	im.mu.Lock()
	defer im.mu.Unlock()
	im.handles = append(im.handles, h)
}

func (im *image) handle(n int) *handle {
	im.mu.Lock()
	defer im.mu.Unlock()
	return pick(im.handles, n)
}

// known returns copies of what is known.
func (im *image) known() (members []*member, handles []*handle, closures []*closure) {
	im.mu.Lock()
	defer im.mu.Unlock()
	return slices.Clone(im.members), slices.Clone(im.handles), slices.Clone(im.closures)
}

// mostHandles is how many handles are remembered: old ones, closed or not, make room for new ones
// only when they have been closed.
const mostHandles = 24

// tidy forgets the oldest closed handle when there are many.
func (im *image) tidy() {
	im.mu.Lock()
	defer im.mu.Unlock()
	if len(im.handles) <= mostHandles {
		return
	}
	if i := slices.IndexFunc(im.handles, func(h *handle) bool { return h.closed.Load() }); i >= 0 {
		im.handles = slices.Delete(im.handles, i, i+1)
	}
}

// mostPrepared is how many prepared functions are remembered.
const mostPrepared = 16

func (im *image) addPrepared(p *prepared) {
	im.mu.Lock()
	defer im.mu.Unlock()
	if len(im.prepared) == mostPrepared {
		im.prepared = slices.Delete(im.prepared, 0, 1)
	}
	im.prepared = append(im.prepared, p)
}

// preparedIn picks a prepared function of a group, or of one with a higher rank.
func (im *image) preparedIn(m *member, n int) *prepared {
	im.mu.Lock()
	defer im.mu.Unlock()
	var fit []*prepared
	for _, p := range im.prepared {
		if p.member == m || p.member.rank > m.rank {
			fit = append(fit, p)
		}
	}
	return pick(fit, n)
}

func (im *image) callback(n int) *closure {
	im.mu.Lock()
	defer im.mu.Unlock()
	return pick(im.callbacks, n)
}

func (im *image) closure(n int) *closure {
	im.mu.Lock()
	defer im.mu.Unlock()
	return pick(im.closures, n)
}

func (im *image) addClosure(slot uint32) *closure {
	c := &closure{slot: slot, held: map[int32]bool{}}
	im.mu.Lock()
	defer im.mu.Unlock()
	im.closures = append(im.closures, c)
	return c
}

// mostPointers is how many pointers are remembered.
const mostPointers = 32

func (im *image) addPointer(p pointer) {
	im.mu.Lock()
	defer im.mu.Unlock()
	if len(im.pointers) == mostPointers {
		im.pointers = slices.Delete(im.pointers, 0, 1)
	}
	im.pointers = append(im.pointers, p)
}

func (im *image) pointer(n int) (pointer, bool) {
	im.mu.Lock()
	defer im.mu.Unlock()
	if len(im.pointers) == 0 {
		return pointer{}, false
	}
	return im.pointers[n%len(im.pointers)], true
}

func pick[T any](list []*T, n int) *T {
	if len(list) == 0 {
		return nil
	}
	return list[n%len(list)]
}

// numbered checks the numbers of an operation that has ended: it sees all that had returned when it
// began, and from now on everything sees it.
func (im *image) numbered(what string, before uint64, r linker.Receipt) {
	switch {
	case r.Commit != 0 && r.Commit <= before:
		im.w.fail(
			"%s: it committed number %d, and %d had returned before it began",
			what,
			r.Commit,
			before,
		)
	case r.Known && r.Read < before:
		im.w.fail(
			"%s: it looked at number %d, and %d had returned before it began",
			what,
			r.Read,
			before,
		)
	}
	number := max(r.Commit, r.Read)
	if n := im.l.Commits(); n < max(number, before) {
		im.w.fail("%s: Commits() is %d after number %d", what, n, max(number, before))
	}
	im.advance(number)
}

func (im *image) advance(number uint64) {
	for {
		old := im.newest.Load()
		if number <= old || im.newest.CompareAndSwap(old, number) {
			return
		}
	}
}
