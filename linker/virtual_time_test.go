package linker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// inVirtualTime runs a test with an image of its own and libthread, where the clock goes on only
// when all goroutines wait: what a test says of times is exact, and a wake-up that is lost is a
// deadlock, which is reported.
func inVirtualTime(t *testing.T, name string, configure func(*linker.Config) *linker.Config,
	f func(t *testing.T, i *image, lib *linker.Library)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			i := newImage(t, "main-pie", "threads", configure)
			f(t, i, i.open("thread"))
		})
	})
}

// outcome is what came of a request, and how long that took.
type outcome struct {
	result int32
	err    error
	after  time.Duration
}

func (o outcome) String() string { return fmt.Sprintf("%d, %v after %v", o.result, o.err, o.after) }

// begin makes a request in a goroutine of its own, and waits until no goroutine can go on.
func begin(request func() (int32, error)) <-chan outcome {
	done := make(chan outcome, 1)
	begun := time.Now()
	go func() {
		r, err := request()
		done <- outcome{r, err, time.Since(begun)}
	}()
	synctest.Wait()
	return done
}

// A wait of the guest ends when it is woken, and not before; when its time is over, to the
// nanosecond; with the context of its call; with its group, and with the linker. Meanwhile a
// library is loaded, at once.
func TestWaitInVirtualTime(t *testing.T) {
	const waits = 1500 * time.Millisecond
	for _, c := range []struct {
		name    string
		timeout time.Duration // of the instruction; below zero for none
		context time.Duration // of the call; 0 for none
		at      time.Duration // when something is done
		do      func(i, waiting *image, lib *linker.Library) error
		result  int32
		err     error
		after   time.Duration
	}{
		{"time-out", waits, 0, 0, nil, 2, nil, waits},
		{"no time", 0, 0, 0, nil, 2, nil, 0},
		{"woken", -1, 0, 24 * time.Hour, openGate, 0, nil, 24 * time.Hour},
		{"woken just before its time is over", waits, 0, waits - 1, openGate, 0, nil, waits - 1},
		{"woken too late", waits, 0, waits + 1, openGate, 2, nil, waits},
		{"context", -1, waits, 0, nil, 0, context.DeadlineExceeded, waits},
		{"context before the time is over", waits, waits - 1, 0, nil, 0, context.DeadlineExceeded,
			waits - 1},
		{"context after the time is over", waits, waits + 1, 0, nil, 2, nil, waits},
		{"group, which waits for its guest", waits, 0, time.Second, closeGroup, 2, nil, waits},
		{"group, with loop safepoints", waits, 0, time.Second, closeGroup, 0, linker.ErrGroupClosed,
			time.Second},
		{"linker", -1, 0, time.Second,
			func(i, _ *image, _ *linker.Library) error { return i.l.Close(i.ctx) }, 0,
			linker.ErrClosed, time.Second},
	} {
		inVirtualTime(t, c.name, func(config *linker.Config) *linker.Config {
			return config.WithLoopSafepoints(strings.HasSuffix(c.name, "with loop safepoints"))
		}, func(t *testing.T, i *image, lib *linker.Library) {
			waiting := i.spawn()
			if c.context > 0 {
				ctx, cancel := context.WithTimeout(i.ctx, c.context)
				defer cancel()
				waiting.ctx = ctx
			}
			done := begin(func() (int32, error) {
				ms := int32(c.timeout.Milliseconds())
				if c.timeout < 0 {
					ms = -1
				}
				return waiting.try(lib, "thread_wait", ms)
			})
			begun := time.Now()
			i.open("counter")
			if took := time.Since(begun); took != 0 {
				t.Errorf("loading took %v", took)
			}
			if c.do != nil {
				time.Sleep(c.at)
				if err := c.do(i, waiting, lib); err != nil {
					t.Error(err)
				}
			}
			if o := <-done; o.result != c.result || !errors.Is(o.err, c.err) || o.after != c.after {
				t.Errorf("%v, want %v", o, outcome{c.result, c.err, c.after})
			}
		})
	}
}

func closeGroup(i, waiting *image, _ *linker.Library) error { return waiting.g.Close(i.ctx) }

func openGate(i, _ *image, lib *linker.Library) error {
	_, err := i.try(lib, "thread_open_gate", -1)
	return err
}

// Who waits is woken once, or its time is over, and never both: when that comes at the same moment,
// too.
func TestWokenWhenTimeIsOver(t *testing.T) {
	inVirtualTime(t, "threads", nil, func(t *testing.T, i *image, lib *linker.Library) {
		for round := range 20 {
			var done []<-chan outcome
			for range 3 {
				waiting := i.spawn()
				done = append(done, begin(func() (int32, error) {
					r, err := waiting.try(lib, "thread_wait", 1000)
					return r, errors.Join(err, waiting.g.Close(i.ctx))
				}))
			}
			time.Sleep(time.Second)
			woken := i.call(lib, "thread_wake", -1)
			for _, d := range done {
				o := <-d
				if o.err != nil || o.after != time.Second {
					t.Errorf("round %d: %v", round, o)
				}
				if o.result == 0 {
					woken--
				}
			}
			if woken != 0 {
				t.Errorf("round %d: %d more were said to be woken than were", round, woken)
			}
		}
	})
}

// Linker.Wait returns when the last thread has ended, or with its context; the threads do not
// notice.
func TestWaitForThreadsInVirtualTime(t *testing.T) {
	inVirtualTime(t, "threads", nil, func(t *testing.T, i *image, lib *linker.Library) {
		wait := i.call(lib, "thread_function", threadWait)
		threads := []int32{i.call(lib, "thread_create", wait, 3000),
			i.call(lib, "thread_create", wait, 10000)}
		ctx, cancel := context.WithTimeout(i.ctx, 2*time.Second)
		defer cancel()
		ends := begin(func() (int32, error) { return 0, i.l.Wait(ctx) })
		lasts := begin(func() (int32, error) { return 0, i.l.Wait(i.ctx) })
		if o := <-ends; !errors.Is(o.err, context.DeadlineExceeded) || o.after != 2*time.Second {
			t.Errorf("with a context: %v", o)
		}
		if o := <-lasts; o.err != nil || o.after != 10*time.Second {
			t.Errorf("without: %v", o)
		}
		for _, th := range threads {
			i.want(2, lib, "thread_join", th)
		}
	})
}

// busyGroups is an image with three groups, the second of which is in a host function that lasts
// ten seconds and takes part in nothing. An operation that needs all groups waits for it.
func busyGroups(t *testing.T, waiting coord.Waiting, f func(t *testing.T, i, other *image)) {
	synctest.Test(t, func(t *testing.T) {
		rt := newRuntime(t)
		hostModule(t, rt, "env",
			map[string]func(context.Context, int32) int32{
				"busy": func(_ context.Context, seconds int32) int32 {
					time.Sleep(time.Duration(seconds) * time.Second)
					return seconds
				}})
		i := newImageIn(t, rt, "main-pie", "threads",
			func(c *linker.Config) *linker.Config { return c.WithWaiting(waiting) })
		busy, other := i.spawn(), i.spawn()
		lib, err := i.g.OpenBytes(i.ctx, "busy", callsAll(t, [2]string{"env", "busy"}))
		if err != nil {
			t.Fatal(err)
		}
		done := begin(func() (int32, error) { return busy.try(lib, "call_0", 10) })
		f(t, i, other)
		if o := <-done; o.result != 10 || o.err != nil || o.after != 10*time.Second {
			t.Errorf("the busy group: %v", o)
		}
	})
}

// What waits in the linker for a busy group, or for who waits for it, is served when that group is
// free, or ends with its own context and leaves nothing: loading, looking up, spawning, closing, in
// each way of waiting.
func TestLinkerWaitsInVirtualTime(t *testing.T) {
	for strategy, waiting := range map[string]func() coord.Waiting{
		"notified": coord.Notified,
		"polling":  func() coord.Waiting { return coord.Polling(coord.ReferenceBackoff()) },
	} {
		// how much later than others who polls may see that its turn has come: there are three
		// waits in a row
		late := time.Duration(0)
		if strategy == "polling" {
			late = 3 * coord.ReferenceBackoff().MaxSleep
		}
		for name, request := range map[string]func(ctx context.Context, other *image) error{
			"load": func(ctx context.Context, other *image) error {
				_, err := other.g.Open(ctx, "libdata.wasm")
				return err
			},
			"spawn": func(ctx context.Context, other *image) error {
				g, err := other.g.Spawn(ctx)
				if err == nil {
					err = g.Close(ctx)
				}
				return err
			},
			"closures": func(ctx context.Context, other *image) error {
				_, err := other.g.AllocateClosure(ctx)
				return err
			},
		} {
			t.Run(name+"/"+strategy, func(t *testing.T) {
				busyGroups(t, waiting(), func(t *testing.T, i, other *image) {
					leader := begin(func() (int32, error) {
						_, err := i.g.Open(i.ctx, "libcounter.wasm")
						return 0, err
					})
					before := i.l.Libraries()
					ctx, cancel := context.WithTimeout(i.ctx, 4*time.Second)
					defer cancel()
					gives := begin(func() (int32, error) { return 0, request(ctx, other) })
					if o := <-gives; !errors.Is(o.err, context.DeadlineExceeded) ||
						o.after != 4*time.Second {
						t.Errorf("it gives up: %v", o)
					}
					if after := i.l.Libraries(); !slices.Equal(before, after) {
						t.Errorf("the libraries are %q, were %q", after, before)
					}
					stays := begin(func() (int32, error) { return 0, request(i.ctx, other) })
					if o := <-stays; o.err != nil || o.after < 6*time.Second ||
						o.after > 6*time.Second+late {
						t.Errorf("it stays: %v", o)
					}
					if o := <-leader; o.err != nil || o.after < 10*time.Second ||
						o.after > 10*time.Second+late {
						t.Errorf("the leader: %v", o)
					}
					other.want(101, linker.Default, "counter_next")
				})
			})
		}
	}
}

// A host function that waits in Block, for an hour, delays no other group for a moment; it finds
// the libraries that were loaded meanwhile.
func TestBlockInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := newRuntime(t)
		hostModule(t, rt, "env",
			map[string]func(context.Context, int32) int32{
				"sleep": func(ctx context.Context, x int32) int32 {
					if err := linker.GroupFromContext(ctx).Block(ctx,
						func() { time.Sleep(time.Hour) }); err != nil {
						panic(err)
					}
					return x
				}})
		i := newImageIn(t, rt, "main-pie", "threads", nil)
		sleeper := i.spawn()
		lib, err := i.g.OpenBytes(i.ctx, "sleeps", callsAll(t, [2]string{"env", "sleep"}))
		if err != nil {
			t.Fatal(err)
		}
		done := begin(func() (int32, error) { return sleeper.try(lib, "call_0", 7) })
		begun := time.Now()
		i.open("counter")
		i.spawn()
		if took := time.Since(begun); took != 0 {
			t.Errorf("it was held up for %v", took)
		}
		if o := <-done; o.result != 7 || o.err != nil || o.after != time.Hour {
			t.Errorf("the sleeper: %v", o)
		}
		sleeper.want(101, linker.Default, "counter_next")
	})
}
