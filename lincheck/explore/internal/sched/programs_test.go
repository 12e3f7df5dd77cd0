package sched_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	stdtime "time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/atomic"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/context"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/rt"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/sync"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/time"
)

// together runs functions as tasks, and waits for them.
func together(t *sched.Task, fs ...func()) {
	var wg sync.WaitGroup
	for _, f := range fs {
		wg.Go(f)
	}
	wg.Wait()
}

// all runs a program in all schedules, and returns the kinds of failures, "" for none, and the
// messages.
func all(t *testing.T, main func(t *sched.Task), o sched.Options) (kinds []sched.FailureKind,
	texts string) {
	t.Helper()
	search := sched.Reduced(0)
	sched.Exclusive(func() {
		sched.Explore(main, search, o, func(r *sched.Result) bool {
			kind := sched.FailureKind("")
			if r.Failure != nil {
				kind = r.Failure.Kind
				texts += r.Failure.Error() + "\n"
			}
			if !r.Pruned && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
			return true
		})
	})
	if !search.Exhausted() {
		t.Error("it was not exhausted")
	}
	slices.Sort(kinds)
	return kinds, texts
}

// What each program can do, over all schedules.
func TestPrograms(t *testing.T) {
	race := sched.Options{Races: true}
	none := sched.FailureKind("")
	for _, c := range []struct {
		name    string
		main    func(t *sched.Task)
		options sched.Options
		want    []sched.FailureKind
		text    string
	}{
		{"a recursive read lock meets a writer", func(t *sched.Task) {
			var m sync.RWMutex
			n := 0
			together(t, func() {
				m.RLock()
				defer m.RUnlock()
				m.RLock()
				defer m.RUnlock()
				_ = n
			}, func() {
				m.Lock()
				defer m.Unlock()
				n++
			})
		}, sched.Options{}, []sched.FailureKind{none, sched.Deadlock},
			"Lock, after readers of sync.RWMutex#2"},
		{"readers do not exclude each other", func(t *sched.Task) {
			var m sync.RWMutex
			met := rt.Make(make(chan int))
			together(t, func() { m.RLock(); rt.Send(met)(1); m.RUnlock() },
				func() { m.RLock(); rt.Recv(met); m.RUnlock() })
		}, sched.Options{}, []sched.FailureKind{none}, ""},
		{"if instead of for around Wait", func(t *sched.Task) {
			var m sync.Mutex
			c := sync.NewCond(&m)
			items := 0
			take := func() {
				m.Lock()
				if items == 0 {
					c.Wait()
				}
				items--
				if items < 0 {
					t.Failf("%d items", items)
				}
				m.Unlock()
			}
			together(t, take, func() { m.Lock(); items++; c.Signal(); m.Unlock() }, func() {
				m.Lock()
				if items > 0 {
					items--
				}
				m.Unlock()
			})
		}, sched.Options{}, []sched.FailureKind{none, sched.Broken, sched.Deadlock}, "-1 items"},
		{"a ticket is taken twice without a lock", func(t *sched.Task) {
			var n atomic.Int64
			together(t, func() { n.Store(n.Load() + 1) }, func() { n.Store(n.Load() + 1) })
			if n.Load() != 2 {
				t.Failf("%d", n.Load())
			}
		}, sched.Options{}, []sched.FailureKind{none, sched.Broken}, ""},
		{"a flag that is waited for", func(t *sched.Task) {
			var flag atomic.Bool
			together(t, func() {
				for !flag.Load() {
				}
			}, func() { flag.Store(true) })
		}, sched.Options{}, []sched.FailureKind{none}, ""},
		{"a flag that is never set", func(t *sched.Task) {
			var flag atomic.Bool
			for !flag.Load() {
			}
		}, sched.Options{Steps: 500}, []sched.FailureKind{sched.Livelock},
			"no end after 500 operations"},
		{"Gosched lets the other go on", func(t *sched.Task) {
			var flag atomic.Bool
			together(t, func() {
				for !flag.Load() {
					rt.Yield(nil)()
				}
			}, func() { flag.Store(true) })
		}, sched.Options{}, []sched.FailureKind{none}, ""},
		{"a goroutine is left", func(t *sched.Task) {
			ch := rt.Make(make(chan int))
			rt.Go(func() { rt.Send(ch)(1) })
		}, sched.Options{}, []sched.FailureKind{sched.Leak}, "waits: sent of chan#1"},
		{"a goroutine is left, and may be", func(t *sched.Task) {
			ch := rt.Make(make(chan int))
			rt.Go(func() { rt.Send(ch)(1) })
		}, sched.Options{Leaks: true}, []sched.FailureKind{none}, ""},
		{"a panic", func(t *sched.Task) {
			together(t, func() { panic("boom") })
		}, sched.Options{}, []sched.FailureKind{sched.Panic}, "boom"},
		{"a send to a closed channel", func(t *sched.Task) {
			ch := rt.Make(make(chan int, 1))
			together(t, func() { rt.Send(ch)(1) }, func() { rt.Close(ch) })
		}, sched.Options{}, []sched.FailureKind{none, sched.Panic}, "send on closed channel"},
		{"a plain counter", func(t *sched.Task) {
			n := 0
			together(t, func() { rt.Store(&n)(rt.Load(&n) + 1) },
				func() { rt.Store(&n)(rt.Load(&n) + 1) })
		}, race, []sched.FailureKind{sched.Race}, "nothing orders the two"},
		{"a plain counter with a lock", func(t *sched.Task) {
			n := 0
			var m sync.Mutex
			add := func() { m.Lock(); rt.Store(&n)(rt.Load(&n) + 1); m.Unlock() }
			together(t, add, add)
			if rt.Load(&n) != 2 {
				t.Failf("%d", n)
			}
		}, race, []sched.FailureKind{none}, ""},
		{"a value is published by an atomic pointer", func(t *sched.Task) {
			var p atomic.Pointer[int]
			together(t, func() { n := new(int); rt.Store(n)(1); p.Store(n) }, func() {
				if n := p.Load(); n != nil && rt.Load(n) != 1 {
					t.Failf("%d", *n)
				}
			})
		}, race, []sched.FailureKind{none}, ""},
		{"a value is published too early", func(t *sched.Task) {
			var p atomic.Pointer[int]
			together(t, func() { n := new(int); p.Store(n); rt.Store(n)(1) }, func() {
				if n := p.Load(); n != nil {
					rt.Load(n)
				}
			})
		}, race, []sched.FailureKind{none, sched.Race}, ""},
		{"two stores do not order anything", func(t *sched.Task) {
			var flag atomic.Bool
			n := 0
			together(t, func() { rt.Store(&n)(1); flag.Store(true) },
				func() { flag.Store(true); rt.Store(&n)(2) })
		}, race, []sched.FailureKind{sched.Race}, ""},
		{"a channel orders", func(t *sched.Task) {
			n, ch := 0, rt.Make(make(chan int, 1))
			together(t, func() { rt.Store(&n)(1); rt.Send(ch)(1) },
				func() { rt.Recv(ch); rt.Load(&n) })
		}, race, []sched.FailureKind{none}, ""},
		{"a buffered send does not wait for its receiver", func(t *sched.Task) {
			n, ch := 0, rt.Make(make(chan int, 1))
			together(t, func() { rt.Send(ch)(1); rt.Load(&n) },
				func() { rt.Store(&n)(1); rt.Recv(ch) })
		}, race, []sched.FailureKind{sched.Race}, ""},
		{"an unbuffered send waits for its receiver", func(t *sched.Task) {
			n, ch := 0, rt.Make(make(chan int))
			together(t, func() { rt.Send(ch)(1); rt.Load(&n) },
				func() { rt.Store(&n)(1); rt.Recv(ch) })
		}, race, []sched.FailureKind{none}, ""},
		{"the receive makes room for the second send", func(t *sched.Task) {
			n, ch := 0, rt.Make(make(chan int, 1))
			together(t, func() { rt.Send(ch)(1); rt.Send(ch)(2); rt.Load(&n) },
				func() { rt.Store(&n)(1); rt.Recv(ch); rt.Recv(ch) })
		}, race, []sched.FailureKind{none}, ""},
		{"two readers of a lock are not ordered", func(t *sched.Task) {
			n := 0
			var m sync.RWMutex
			add := func() { m.RLock(); rt.Store(&n)(1); m.RUnlock() }
			together(t, add, add)
		}, race, []sched.FailureKind{sched.Race}, ""},
		{"a map", func(t *sched.Task) {
			m := map[int]int{}
			together(t, func() { rt.MapWrite(m)[1] = 1 }, func() { _ = rt.MapRead(m)[2] })
		}, race, []sched.FailureKind{sched.Race}, ""},
		{"a deadline passes in virtual time", func(t *sched.Task) {
			ctx, cancel := context.WithTimeout(context.Background(), stdtime.Hour)
			defer cancel()
			start := time.Now()
			rt.Recv(ctx.Done())
			if time.Since(start) != stdtime.Hour ||
				!errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Failf("%v after %v", ctx.Err(), time.Since(start))
			}
		}, sched.Options{}, []sched.FailureKind{none}, ""},
		{"sleeps end in their order", func(t *sched.Task) {
			var order []string
			together(t, func() { time.Sleep(stdtime.Hour); order = append(order, "hour") },
				func() { time.Sleep(stdtime.Minute); order = append(order, "minute") })
			if fmt.Sprint(order) != "[minute hour]" {
				t.Failf("%v", order)
			}
		}, sched.Options{}, []sched.FailureKind{none}, ""},
		{"with eager timers a deadline may pass at any moment", func(t *sched.Task) {
			ctx, cancel := context.WithTimeout(context.Background(), stdtime.Hour)
			defer cancel()
			var n atomic.Int64
			n.Add(1)
			if ctx.Err() != nil {
				t.Failf("too late")
			}
		}, sched.Options{EagerTimers: true}, []sched.FailureKind{none, sched.Broken}, "too late"},
		{"a cancelled parent cancels its children, in one step", func(t *sched.Task) {
			parent, cancel := context.WithCancel(context.Background())
			child, stop := context.WithCancel(parent)
			defer stop()
			together(t, cancel, func() {
				if parent.Err() != nil && child.Err() == nil {
					t.Failf("the parent alone is cancelled")
				}
				rt.Recv(child.Done())
			})
		}, sched.Options{}, []sched.FailureKind{none}, ""},
		{"AfterFunc runs once the context has ended", func(t *sched.Task) {
			ctx, cancel := context.WithCancel(context.Background())
			var ran atomic.Bool
			stop := context.AfterFunc(ctx, func() { ran.Store(true) })
			cancel()
			if stop() {
				t.Failf("it was stopped after the cancellation")
			}
			if ran.Load() {
				t.Failf("it ran before")
			}
		}, sched.Options{}, []sched.FailureKind{none, sched.Broken}, "it ran before"},
		{"OnceValue runs once", func(t *sched.Task) {
			var n atomic.Int64
			get := sync.OnceValue(func() int64 { return n.Add(1) })
			see := func() {
				if v := get(); v != 1 {
					t.Failf("%d", v)
				}
			}
			together(t, see, see)
		}, sched.Options{}, []sched.FailureKind{none}, ""},
		{"select takes either case", func(t *sched.Task) {
			a, b := rt.Make(make(chan int, 1)), rt.Make(make(chan int, 1))
			rt.Send(a)(1)
			rt.Send(b)(1)
			if rt.Select(false, rt.Receiving(a), rt.Receiving(b)) == 1 {
				t.Failf("the second")
			}
		}, sched.Options{}, []sched.FailureKind{none, sched.Broken}, ""},
		{"a timer that is stopped does not fire", func(t *sched.Task) {
			timer := time.NewTimer(stdtime.Second)
			timer.Stop()
			if rt.Select(true, rt.Receiving(timer.C)) == 0 {
				t.Failf("it fired")
			}
		}, sched.Options{EagerTimers: true}, []sched.FailureKind{none}, ""},
		{"a ticker does not keep the program from ending", func(t *sched.Task) {
			ticker := time.NewTicker(stdtime.Second)
			rt.Recv(ticker.C)
			rt.Recv(ticker.C)
			if time.Since(time.Now()) != 0 {
				t.Failf("time goes on")
			}
		}, sched.Options{}, []sched.FailureKind{none}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			kinds, texts := all(t, c.main, c.options)
			if !slices.Equal(kinds, c.want) || !strings.Contains(texts, c.text) {
				t.Errorf("%q, want %q with %q:\n%s", kinds, c.want, c.text, texts)
			}
		})
	}
}
