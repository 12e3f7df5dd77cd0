package ctxlock_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
	"github.com/lockstep-wasm/lockstep/linker/internal/ctxlock"
)

// Every schedule of goroutines that take the lock, one of which gives up: one at a time has it,
// which the check for data races sees, none waits for ever, and the lock is free in the end.
func TestLockExplored(t *testing.T) {
	for name, lockers := range map[string][]bool{ // whether each gives up
		"two":                  {false, false},
		"three":                {false, false, false},
		"one gives up":         {false, true},
		"one of two gives up":  {false, false, true},
		"two of three give up": {false, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, func(r *explore.Run) {
				l := ctxlock.New()
				guarded, taken, want := 0, 0, 0
				var waits []func()
				for _, gives := range lockers {
					ctx, cancel := context.WithCancel(context.Background())
					if !gives {
						want++
					}
					waits = append(waits, r.Go("", func() {
						defer cancel()
						if err := l.Lock(ctx); err != nil {
							if !gives {
								r.Failf("%v", err)
							}
							return
						}
						guarded++
						if gives {
							taken++
						}
						l.Unlock()
					}))
					if gives {
						waits = append(waits, r.Go("", cancel))
					}
				}
				for _, wait := range waits {
					wait()
				}
				if guarded != want+taken {
					r.Failf("%d of %d have had the lock", guarded, want+taken)
				}
				if !l.TryLock() {
					r.Failf("the lock is not free")
				}
			})
		})
	}
}

// The goroutine that has waited longest comes first, and before newcomers.
func TestFirstCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := ctxlock.New()
		if !l.TryLock() {
			t.Fatal("a new lock is held")
		}
		var order []int
		var mu sync.Mutex
		for i := range 5 {
			go func() {
				if err := l.Lock(t.Context()); err != nil {
					t.Error(err)
				}
				mu.Lock()
				order = append(order, i)
				mu.Unlock()
				l.Unlock()
			}()
			synctest.Wait()
		}
		l.Unlock()
		if l.TryLock() {
			t.Error("a newcomer is served before those that wait")
			l.Unlock()
		}
		synctest.Wait()
		for i, got := range order {
			if got != i {
				t.Fatalf("served in the order %v", order)
			}
		}
		if len(order) != 5 || l.Held() {
			t.Errorf("served %v, held %t", order, l.Held())
		}
	})
}

// A wait ends with its context, and leaves nothing.
func TestContextEndsWait(t *testing.T) {
	l := ctxlock.New()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Lock(ctx); err != nil {
		t.Fatalf("a free lock: %v", err)
	}
	if err := l.Lock(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	l.Unlock()
	if !l.TryLock() {
		t.Error("the lock is not free")
	}
}

// A free lock cannot be unlocked.
func TestUnlockOfAFreeLock(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	ctxlock.New().Unlock()
}

func BenchmarkLock(b *testing.B) {
	l := ctxlock.New()
	ctx := context.Background()
	for b.Loop() {
		if err := l.Lock(ctx); err != nil {
			b.Fatal(err)
		}
		l.Unlock()
	}
}
