package futex

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var errEnded = errors.New("ended")

func over[T comparable](x *Waiter[T]) bool {
	select {
	case <-x.Done():
		return true
	default:
		return false
	}
}

// Waiters of an address are woken in the order in which they came, each once, and only as many as
// asked for; what ends the waits of a thread ends those alone. Random calls are compared with
// lists.
func TestQueues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var q Queues[int]
		var waiting []*Waiter[int] // by age
		leave := func(gone []*Waiter[int], err error) {
			for _, x := range waiting {
				in := slices.Contains(gone, x)
				if over(x) != in || in && !errors.Is(x.Err, err) {
					t.Fatalf("a waiter has left: %v, with %v; want %v, %v", over(x), x.Err, in, err)
				}
			}
			waiting = slices.DeleteFunc(waiting,
				func(x *Waiter[int]) bool { return slices.Contains(gone, x) })
		}
		those := func(which func(*Waiter[int]) bool) (list []*Waiter[int]) {
			for _, x := range waiting {
				if which(x) {
					list = append(list, x)
				}
			}
			return list
		}
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			address := rapid.Uint32Range(0, 2).Draw(t, "address")
			thread := rapid.IntRange(1, 3).Draw(t, "thread")
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0, 1, 2:
				x, err := q.Enqueue(address, thread, func() (bool, error) { return true, nil })
				if x == nil || err != nil {
					t.Fatalf("Enqueue = %v, %v", x, err)
				}
				waiting = append(waiting, x)
			case 3:
				n := rapid.Uint32Range(0, 3).Draw(t, "n")
				queue := those(func(x *Waiter[int]) bool { return x.address == address })
				woken := min(int(n), len(queue))
				if got := q.Wake(address, n); got != uint32(woken) {
					t.Fatalf("%d were woken, want %d", got, woken)
				}
				leave(queue[:woken], nil)
			case 4:
				q.Interrupt(thread, errEnded)
				leave(those(func(x *Waiter[int]) bool { return x.thread == thread }), errEnded)
			case 5:
				if len(waiting) == 0 {
					continue
				}
				x := rapid.SampledFrom(waiting).Draw(t, "waiter")
				if !q.Remove(x) || q.Remove(x) {
					t.Fatal("a waiter is not removed once")
				}
				waiting = slices.DeleteFunc(waiting,
					func(y *Waiter[int]) bool { return y == x })
			case 6:
				q.InterruptAll(errEnded)
				leave(slices.Clone(waiting), errEnded)
			}
			if n := q.Waiting(); n != len(waiting) {
				t.Fatalf("%d are waiting, want %d", n, len(waiting))
			}
		}
		q.InterruptAll(nil)
		if len(q.queues) != 0 {
			t.Fatalf("%d queues are left", len(q.queues))
		}
	})
}

// A waiter that must not begin, or need not, leaves nothing.
func TestNoWait(t *testing.T) {
	var q Queues[int]
	x, err := q.Enqueue(0, 1, func() (bool, error) { return true, errEnded })
	if x != nil || !errors.Is(err, errEnded) {
		t.Errorf("Enqueue = %v, %v", x, err)
	}
	if x, err = q.Enqueue(0, 1, func() (bool, error) { return false, nil }); x != nil ||
		err != nil {
		t.Errorf("Enqueue = %v, %v", x, err)
	}
	if n := q.Waiting(); n != 0 {
		t.Errorf("%d are waiting", n)
	}
}

// No wake-up is lost: each goroutine waits until a number is its own, which the one before it
// stores, and then wakes all.
func TestNoWakeUpIsLost(t *testing.T) {
	const goroutines = 50
	var q Queues[int]
	turn := 0 // guarded by the queues' lock while there are waiters, as the guest's memory is
	var mu sync.Mutex
	read := func() int { mu.Lock(); defer mu.Unlock(); return turn }
	var all sync.WaitGroup
	for me := range goroutines {
		all.Go(func() {
			for {
				x, _ := q.Enqueue(4, me, func() (bool, error) { return read() != me, nil })
				if x == nil {
					break
				}
				<-x.Done()
			}
			mu.Lock()
			turn++
			mu.Unlock()
			q.Wake(4, goroutines)
		})
	}
	all.Wait()
	if turn != goroutines || q.Waiting() != 0 {
		t.Errorf("%d turns, %d wait", turn, q.Waiting())
	}
}
