package linker

import (
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/ctxlock"
)

// WithParallelGroups makes the groups of a main module that was built without threads (its memory
// is not shared) run at the same time. The default is false: they take turns, because they share
// one heap without locks. A turn is a call from outside into a group, with all that it calls, in
// other groups too; it is not given up in the middle, not even while a host function waits, because
// the guest's libraries may be in the middle of something there. So a host function that waits for
// a call into another group waits until its context ends.
//
// It is for guests that share nothing that they change, or that the embedder keeps apart by itself.
// Groups of a main module that was built for threads always run at the same time.
func (c *Config) WithParallelGroups(on bool) *Config {
	return c.with(func(c *Config) { c.parallel = on })
}

// turn is what a goroutine has that runs code of the guest in an image whose groups take turns. nil
// stands for an image in which they need not. It is taken before a group is held.
//
// As long as there is one group, who holds that has the turn. The goroutine that makes the second
// group is inside the first one, and takes the turn then.
type turn struct {
	lock *ctxlock.Lock
	many atomic.Bool // there is more than one group, or was
}

func newTurn(parallel bool) *turn {
	if parallel {
		return nil
	}
	return &turn{lock: ctxlock.New()}
}

// needed reports whether the turn has to be taken. It does not change from false to true while a
// goroutine holds the only group, unless that goroutine shares the turn.
func (t *turn) needed() bool { return t != nil && t.many.Load() }

// share makes the groups take turns, now that the only one is to have company. It reports whether
// the caller has the turn then. That is so if it holds the group; else it builds the image, and no
// goroutine waits.
func (t *turn) share(held bool) bool {
	if t == nil || t.many.Load() {
		return false
	}
	taken := held && t.lock.TryLock()
	t.many.Store(true)
	return taken
}
