package coord_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// The reference's numbers: 64 spins, 24 yields, 48 µs doubled 8 times, and never more than 10 ms.
func TestReferenceBackoffNumbers(t *testing.T) {
	b := coord.ReferenceBackoff()
	for i := range 64 {
		if got := b.Next(); got != (coord.Pause{}) {
			t.Fatalf("attempt %d: %+v, want a spin", i, got)
		}
	}
	for i := range 24 {
		if got := b.Next(); got != (coord.Pause{Yield: true}) {
			t.Fatalf("attempt %d: %+v, want a yield", 64+i, got)
		}
	}
	for i, want := range []int{48, 96, 192, 384, 768, 1536, 3072, 6144, 10_000, 10_000, 10_000} {
		if got := b.Next(); got != (coord.Pause{Sleep: time.Duration(want) * time.Microsecond}) {
			t.Fatalf("sleep %d: %+v, want %d µs", i, got, want)
		}
	}
}

func TestBackoffNeverOverflows(t *testing.T) {
	b := coord.Backoff{InitialSleep: time.Hour, ShiftLimit: 1 << 30, MaxSleep: 24 * time.Hour}
	for i := range 200 {
		if got := b.Next().Sleep; got < time.Hour || got > 24*time.Hour {
			t.Fatalf("sleep %d is %v", i, got)
		}
	}
}

func TestBackoffEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		b := coord.Backoff{InitialSleep: time.Hour, MaxSleep: time.Hour}
		start := time.Now()
		if err := b.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want the context's error", err)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("it ended after %v", got)
		}
	})
}

// A polling waiter sees what it waits for at the first look after it is there, and looks when the
// reference does: spins and yields take no time, the eight doubled sleeps 12.24 ms together, and
// then every sleep 10 ms. The clock is virtual.
func TestPollingWaitsForTheLease(t *testing.T) {
	const us = time.Microsecond
	for released, want := range map[time.Duration]time.Duration{
		1 * us:                    48 * us,
		48*us + 1:                 (48 + 96) * us,
		12_240*us - 1:             12_240 * us,
		12_240*us + 1:             22_240 * us,
		time.Minute:               60_002_240 * us,
		time.Minute + 2_241*us:    60_012_240 * us,
		10*time.Minute + 2_239*us: 10*time.Minute + 2_240*us,
	} {
		t.Run(released.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				im := newImage(t, 2, coord.Config{Waiting: coord.Polling(coord.ReferenceBackoff())})
				enter(t, im.members[0])
				enter(t, im.members[1])
				token, err := im.members[0].Lease(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				granted := make(chan time.Duration, 1)
				go func() {
					second, err := im.members[1].Lease(context.Background())
					granted <- time.Since(begun)
					if err == nil {
						err = second.Release()
					}
					if err != nil {
						t.Error(err)
					}
				}()
				time.Sleep(released)
				if err := token.Release(); err != nil {
					t.Fatal(err)
				}
				if after := <-granted; after != want {
					t.Errorf("it has the lease after %v, want %v", after, want)
				}
			})
		})
	}
}

// A waiter that is cancelled, at the moment at which it would be served or
// before, leaves the queue: the next one is served.
func TestCancelledWaiterLeavesTheQueue(t *testing.T) {
	for name, waiting := range map[string]func() coord.Waiting{
		"notified": coord.Notified,
		"polling":  func() coord.Waiting { return coord.Polling(coord.ReferenceBackoff()) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				im := newImage(t, 3, coord.Config{Waiting: waiting()})
				for _, m := range im.members {
					enter(t, m)
				}
				token, err := im.members[0].Lease(context.Background())
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(context.Background())
				cancelled, served := make(chan error), make(chan error)
				go func() {
					_, err := im.members[1].Lease(ctx)
					cancelled <- err
				}()
				synctest.Wait()
				go func() {
					second, err := im.members[2].Lease(context.Background())
					if err == nil {
						err = second.Release()
					}
					served <- err
				}()
				synctest.Wait()
				cancel()
				if err := <-cancelled; !errors.Is(err, context.Canceled) {
					t.Errorf("%v, want context.Canceled", err)
				}
				if err := token.Release(); err != nil {
					t.Fatal(err)
				}
				if err := <-served; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
