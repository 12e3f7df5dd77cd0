package dtor

import (
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

// library is one library as tla/Handles.tla has it: a lock and a count stand for the link
// operations, and the registry is the real one.
type library struct {
	r        *explore.Run
	registry *Registry[int, int]

	lock   sync.Mutex // an operation
	count  int        // of handles
	closer int        // the thread that runs its destructors
	gone   bool       // it is unloaded
	ran    int        // how many destructors have been called
}

const mod = 1 // the library, for its registry

func (l *library) register(thread int) {
	h := ThreadHandler[int]{Mod: mod}
	if !l.registry.AddThread(thread, h, func() bool { return false }) {
		l.r.Failf("nothing can be registered")
	}
}

// operate gives up handles in an operation, and unloads the library when it is unused; what has to
// be run before runs without the lock, and then the operation looks again.
func (l *library) operate(thread, handles int) {
	for again := true; again; handles = 0 {
		again = false
		l.lock.Lock()
		l.count -= handles
		closes := l.closer == 0 || l.closer == thread
		if !l.gone && l.count == 0 && closes && !l.registry.HeldBesides(thread)[mod] {
			if again = l.registry.Any(thread, []int{mod}); again {
				l.closer = thread
			} else {
				l.unload()
			}
		}
		if !again && l.closer == thread {
			l.closer = 0
		}
		l.lock.Unlock()
		if again {
			l.destroyThread(thread)
			for _, ok := l.registry.Pop(thread, mod); ok; _, ok = l.registry.Pop(thread, mod) {
				l.run(thread)
			}
		}
	}
}

// unload takes the library out of the image, with the lock.
func (l *library) unload() {
	l.gone = true
	for thread := 1; thread <= 2; thread++ {
		if l.registry.HasThread(thread, nil) {
			l.r.Failf("it is unloaded, and thread %d has a destructor of it (UnloadedIsUnused)",
				thread)
		}
	}
}

func (l *library) destroyThread(thread int) {
	for _, ok := l.registry.PopThread(thread, nil); ok; _, ok = l.registry.PopThread(thread, nil) {
		l.run(thread)
	}
}

// run calls a destructor, in which there is a safepoint.
func (l *library) run(thread int) {
	l.r.Point("a destructor")
	l.lock.Lock()
	if l.ran++; l.gone {
		l.r.Failf("it is unloaded under a destructor that runs (RunsInTheImage)")
	}
	l.lock.Unlock()
	l.registry.Done(thread)
}

// Every schedule of threads that give up handles, register destructors and end: a library is
// unloaded once nothing needs it, not before, and each destructor has run once (tla/Handles.tla).
func TestRegistryExplored(t *testing.T) {
	for name, c := range map[string]struct {
		handles [2]int // that each thread gives up
		local   [2]bool
		owed    bool
	}{
		"one ends, the other closes":   {[2]int{1, 0}, [2]bool{false, true}, false},
		"and there is a static object": {[2]int{1, 0}, [2]bool{false, true}, true},
		"both end":                     {[2]int{1, 1}, [2]bool{true, true}, false},
		"both close":                   {[2]int{1, 1}, [2]bool{false, false}, true},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, func(r *explore.Run) {
				l := &library{r: r, registry: New[int, int](10), count: c.handles[0] + c.handles[1]}
				want := 0
				if c.owed {
					want++
					l.registry.Add(mod, Handler{})
				}
				for i, has := range c.local {
					if has {
						want++
						l.register(i + 1)
					}
				}
				var waits []func()
				for i := range c.handles {
					thread := i + 1
					waits = append(waits, r.Go("", func() {
						if c.handles[i] > 0 {
							l.operate(thread, c.handles[i])
						}
						if c.local[i] { // the thread ends
							l.destroyThread(thread)
							l.operate(thread, 0)
						}
					}))
				}
				for _, wait := range waits {
					wait()
				}
				if !l.gone || l.ran != want {
					r.Failf("unloaded: %v; %d of %d destructors have run", l.gone, l.ran, want)
				}
			})
		})
	}
}
