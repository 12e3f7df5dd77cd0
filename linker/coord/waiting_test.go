package coord_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// A wake-up that comes before the wait is not lost, and two are as good as one.
func TestWaiterKeepsAnEarlyWakeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := coord.Notified().Waiter()
		w.Wake()
		w.Wake()
		if err := w.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second wait: %v, want its deadline", err)
		}
	})
}

// strategies are the two ways of waiting.
func strategies() map[string]func() coord.Waiting {
	return map[string]func() coord.Waiting{
		"notified": coord.Notified,
		"polling":  func() coord.Waiting { return coord.Polling(coord.ReferenceBackoff()) },
	}
}

// eachStrategy runs a test in virtual time with each way of waiting.
func eachStrategy(t *testing.T, name string, f func(t *testing.T, waiting coord.Waiting)) {
	for strategy, waiting := range strategies() {
		t.Run(name+"/"+strategy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { f(t, waiting()) })
		})
	}
}

// A waitPoint is a place at which a goroutine of group 1 waits.
type waitPoint struct {
	name string
	// block makes it that group 1 will have to wait, and returns what ends that.
	block func(t *testing.T, im *image) (release func())
	// request waits in group 1, which runs.
	request func(ctx context.Context, im *image) error
	// deaf says that the context does not end the wait.
	deaf bool
}

// holdLease takes the lease in group 0.
func holdLease(t *testing.T, im *image) func() {
	enter(t, im.members[0])
	token, err := im.members[0].Lease(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := token.Release(); err != nil {
			t.Error(err)
		}
		im.members[0].Park()
	}
}

// holdState takes the state lock in group 0.
func holdState(t *testing.T, im *image) func() {
	enter(t, im.members[0])
	held, release, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		err := im.members[0].WithState(t.Context(), func() error {
			close(held)
			<-release
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}()
	<-held
	return func() {
		close(release)
		<-done
		im.members[0].Park()
	}
}

// holdUp lets group 2 run, which reaches no safepoint before it is released.
func holdUp(t *testing.T, im *image) func() {
	enter(t, im.members[2])
	return im.members[2].Park
}

func waitPoints() []waitPoint {
	return []waitPoint{
		{"lease", holdLease, func(ctx context.Context, im *image) error {
			token, err := im.members[1].Lease(ctx)
			if err != nil {
				return err
			}
			return token.Release()
		}, false},
		{"spawn", holdLease, func(ctx context.Context, im *image) error {
			child, err := im.members[1].Spawn(ctx)
			if err != nil {
				return err
			}
			return child.Abort()
		}, false},
		{"link, for the lease", holdLease, linkInOne, false},
		{"link, for the state lock", holdState, linkInOne, false},
		{"link, for another group to arrive", holdUp, linkInOne, false},
		{"state lock", holdState, func(ctx context.Context, im *image) error {
			return im.members[1].WithState(ctx, func() error { return nil })
		}, false},
		{"leave", holdState,
			func(ctx context.Context, im *image) error { return im.members[1].Detach(ctx) }, false},
		{"attach", holdState, func(ctx context.Context, im *image) error {
			child, err := im.members[1].Spawn(context.WithoutCancel(ctx))
			if err != nil {
				return err
			}
			_, err = child.Attach(ctx,
				func(context.Context, int) (coord.Participant, error) { return &table{}, nil })
			return err
		}, false},
		{"enter, during an operation", leadUntil, func(ctx context.Context, im *image) error {
			im.members[1].Park() // it is a participant, and sleeps
			return im.members[1].Enter(ctx)
		}, false},
		{"safepoint, during an operation", leadUntil, func(ctx context.Context, im *image) error {
			return im.members[1].Safepoint(ctx)
		}, true},
	}
}

func linkInOne(ctx context.Context, im *image) error {
	_, err := im.members[1].Link(ctx, &work{own: im.tables[1], payload: "x"})
	return err
}

// leadUntil publishes an operation in group 0 that waits for group 2 to arrive.
func leadUntil(t *testing.T, im *image) func() {
	release := holdUp(t, im)
	done := make(chan error)
	go func() {
		_, err := im.link(t.Context(), 0, &work{payload: "from 0"})
		done <- err
	}()
	synctest.Wait() // with polling: until its first sleep
	return func() {
		release()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// settled is what must hold when no group has a request any more.
func settled(t *testing.T, im *image) {
	t.Helper()
	s := im.State()
	if s.Holder != protocol.NoGroup || s.Writer != protocol.NoGroup || s.Readers != 0 ||
		s.Leader != protocol.NoGroup || s.LeaseQueue.Len() > 0 || s.StateQueue.Len() > 0 {
		t.Errorf("something is held, or waited for:\n%s", s)
	}
}

// start runs a request of group 1 and waits until it can do nothing more.
func start(t *testing.T, ctx context.Context, im *image, p waitPoint) (result chan error) {
	t.Helper()
	result = make(chan error, 1)
	go func() { result <- p.request(ctx, im) }()
	synctest.Wait()
	select {
	case err := <-result:
		t.Fatalf("it did not wait, and returned %v", err)
	default:
	}
	return result
}

// The wait ends when what it waits for is there, and nothing is left behind.
func TestWaitEndsWhenServed(t *testing.T) {
	for _, p := range waitPoints() {
		eachStrategy(t, p.name, func(t *testing.T, waiting coord.Waiting) {
			im := newImage(t, 3, coord.Config{Waiting: waiting})
			enter(t, im.members[1])
			release := p.block(t, im)
			result := start(t, t.Context(), im, p)
			time.Sleep(10 * time.Second)
			release()
			if err := <-result; err != nil {
				t.Error(err)
			}
			settled(t, im)
		})
	}
}

// The wait ends with its context, at once and without a trace: the next one is served. A
// participant that has arrived is not free to go.
func TestWaitEndsWithItsContext(t *testing.T) {
	for how, want := range map[string]error{"cancelled": context.Canceled,
		"timed out": context.DeadlineExceeded} {
		for _, p := range waitPoints() {
			eachStrategy(t, p.name+"/"+how, func(t *testing.T, waiting coord.Waiting) {
				im := newImage(t, 3, coord.Config{Waiting: waiting})
				enter(t, im.members[1])
				release := p.block(t, im)
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				begun := time.Now()
				result := start(t, ctx, im, p)
				if how == "cancelled" {
					cancel()
				} else {
					time.Sleep(time.Second)
				}
				synctest.Wait()
				if p.deaf {
					release()
					if err := <-result; err != nil {
						t.Errorf("%v, want the operation to be over", err)
					}
				} else {
					// Not before the others give way: the wait itself ends.
					if err := <-result; !errors.Is(err, want) {
						t.Errorf("%v, want %v", err, want)
					}
					if after := time.Since(begun); after > time.Second {
						t.Errorf("it ended after %v", after)
					}
					release()
				}
				settled(t, im)
				if err := im.members[1].Safepoint(t.Context()); err != nil {
					t.Error(err)
				}
				im.members[1].Park()
				if _, err := im.link(t.Context(), 2, &work{payload: "later"}); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A goroutine that waits is woken when its group is killed.
func TestWaitEndsWithItsGroup(t *testing.T) {
	for _, p := range waitPoints() {
		eachStrategy(t, p.name, func(t *testing.T, waiting coord.Waiting) {
			im := newImage(t, 3, coord.Config{Waiting: waiting})
			enter(t, im.members[1])
			release := p.block(t, im)
			result := start(t, t.Context(), im, p)
			if p.name == "attach" {
				release() // the child is a group of its own, and was not killed
				if err := <-result; err != nil {
					t.Error(err)
				}
				return
			}
			cause := errors.New("killed")
			im.members[1].Crash(cause)
			if err := <-result; !errors.Is(err, coord.ErrGroupClosed) || !errors.Is(err, cause) {
				t.Errorf("%v, want ErrGroupClosed and its cause", err)
			}
			release()
			settled(t, im)
		})
	}
}

// A goroutine that waits is woken when the image is poisoned.
func TestWaitEndsWithTheImage(t *testing.T) {
	for strategy, waiting := range strategies() {
		t.Run(strategy, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				im := newImage(t, 4, coord.Config{Waiting: waiting()})
				im.tables[2].failOn, im.tables[3].failUndo = "bad", true
				enter(t, im.members[1])
				result := make(chan error, 1)
				_, err := im.link(t.Context(), 0, &work{payload: "bad", before: func() {
					go func() { result <- linkInOne(t.Context(), im) }()
					synctest.Wait() // it stands in the lease's queue
				}})
				if !errors.Is(err, coord.ErrPoisoned) {
					t.Errorf("the leader: %v, want ErrPoisoned", err)
				}
				if err := <-result; !errors.Is(err, coord.ErrPoisoned) {
					t.Errorf("the waiter: %v, want ErrPoisoned", err)
				}
			})
		})
	}
}

// Queues are first come, first served, with many in them.
func TestWaitIsFirstComeFirstServed(t *testing.T) {
	for name, request := range map[string]func(ctx context.Context, m *coord.Member) error{
		"lease": func(ctx context.Context, m *coord.Member) error {
			token, err := m.Lease(ctx)
			if err != nil {
				return err
			}
			return token.Release()
		},
		"state lock": func(ctx context.Context, m *coord.Member) error {
			return m.WithState(ctx, func() error { return nil })
		},
	} {
		eachStrategy(t, name, func(t *testing.T, waiting coord.Waiting) {
			im := newImage(t, 8, coord.Config{Waiting: waiting})
			block := holdLease
			granted := protocol.ActGrantLease
			if name == "state lock" {
				block, granted = holdState, protocol.ActLockState
			}
			release := block(t, im)
			results := make(chan error)
			order := []int{5, 2, 7, 1, 6, 3, 4}
			for _, i := range order {
				enter(t, im.members[i])
				go func() { results <- request(t.Context(), im.members[i]) }()
				synctest.Wait()
			}
			im.events = nil
			release()
			for range order {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			var served []int
			for _, e := range im.events {
				if e.Action == granted {
					served = append(served, int(e.Group))
				}
			}
			for i := range order {
				if len(served) != len(order) || served[i] != order[i] {
					t.Fatalf("served %v, want %v", served, order)
				}
			}
		})
	}
}
