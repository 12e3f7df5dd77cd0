package time

import (
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/rt"
)

// start is when runs begin.
func start() Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) }

// Now is time.Now.
func Now() Time {
	if t := sched.Current(); t != nil {
		return start().Add(t.Now())
	}
	return time.Now()
}

// Since is time.Since.
func Since(u Time) Duration { return Now().Sub(u) }

// Until is time.Until.
func Until(u Time) Duration { return u.Sub(Now()) }

// Sleep is time.Sleep.
func Sleep(d Duration) {
	t := sched.Current()
	if t == nil {
		time.Sleep(d)
		return
	}
	if d <= 0 {
		t.Point(sched.Op{Kind: sched.Yield, Name: "Sleep"})
		return
	}
	done := false
	t.After(d, func(*sched.Task) { done = true })
	t.Point(sched.Op{Name: "Sleep " + d.String(), Ready: func() bool { return done }})
}

// Timer is time.Timer.
type Timer struct {
	C <-chan Time

	send  chan Time
	f     func()
	timer *sched.Timer
	real  *time.Timer
}

// start begins the timer in a run.
func (tm *Timer) start(t *sched.Task, d Duration) {
	tm.timer = t.After(d, func(t *sched.Task) {
		if tm.f != nil {
			t.Go("after "+d.String(), tm.f)
			return
		}
		rt.TrySendNow(t, tm.send, start().Add(t.Now()))
	})
}

// NewTimer is time.NewTimer.
func NewTimer(d Duration) *Timer {
	t := sched.Current()
	if t == nil {
		real := time.NewTimer(d)
		return &Timer{C: real.C, real: real}
	}
	ch := rt.Make(make(chan Time, 1))
	tm := &Timer{C: ch, send: ch}
	tm.start(t, d)
	return tm
}

// AfterFunc is time.AfterFunc.
func AfterFunc(d Duration, f func()) *Timer {
	t := sched.Current()
	if t == nil {
		return &Timer{real: time.AfterFunc(d, f)}
	}
	tm := &Timer{f: f}
	tm.start(t, d)
	return tm
}

// After is time.After.
func After(d Duration) <-chan Time { return NewTimer(d).C }

// Stop is time.Timer.Stop: no stale value is received after it.
func (tm *Timer) Stop() bool {
	if tm.real != nil {
		return tm.real.Stop()
	}
	t := sched.Current()
	if t == nil || tm.timer == nil {
		return false
	}
	t.Point(sched.Op{Name: "Stop", Obj: t.Clock(), Write: true})
	return tm.stop()
}

func (tm *Timer) stop() bool {
	stopped := tm.timer.Stop()
	if tm.send != nil {
		select {
		case <-tm.send:
			stopped = true
		default:
		}
	}
	return stopped
}

// Reset is time.Timer.Reset.
func (tm *Timer) Reset(d Duration) bool {
	if tm.real != nil {
		return tm.real.Reset(d)
	}
	t := sched.Current()
	if t == nil {
		panic("time: a timer of a run is used outside of it")
	}
	t.Point(sched.Op{Name: "Reset", Obj: t.Clock(), Write: true})
	stopped := tm.stop()
	tm.start(t, d)
	return stopped
}

// Ticker is time.Ticker.
type Ticker struct {
	C <-chan Time

	send  chan Time
	timer *sched.Timer
	real  *time.Ticker
}

// NewTicker is time.NewTicker.
func NewTicker(d Duration) *Ticker {
	t := sched.Current()
	if t == nil {
		real := time.NewTicker(d)
		return &Ticker{C: real.C, real: real}
	}
	if d <= 0 {
		panic("non-positive interval for NewTicker")
	}
	ch := rt.Make(make(chan Time, 1))
	tk := &Ticker{C: ch, send: ch}
	tk.start(t, d)
	return tk
}

func (tk *Ticker) start(t *sched.Task, d Duration) {
	tk.timer = t.After(d, func(t *sched.Task) {
		rt.TrySendNow(t, tk.send, start().Add(t.Now()))
		tk.start(t, d)
	})
}

// Tick is time.Tick.
func Tick(d Duration) <-chan Time {
	if d <= 0 {
		return nil
	}
	return NewTicker(d).C
}

// Stop is time.Ticker.Stop.
func (tk *Ticker) Stop() {
	switch t := sched.Current(); {
	case tk.real != nil:
		tk.real.Stop()
	case t != nil:
		t.Point(sched.Op{Name: "Stop", Obj: t.Clock(), Write: true})
		tk.timer.Stop()
	}
}

// Reset is time.Ticker.Reset.
func (tk *Ticker) Reset(d Duration) {
	t := sched.Current()
	switch {
	case tk.real != nil:
		tk.real.Reset(d)
	case t == nil:
		panic("time: a ticker of a run is used outside of it")
	default:
		t.Point(sched.Op{Name: "Reset", Obj: t.Clock(), Write: true})
		tk.timer.Stop()
		tk.start(t, d)
	}
}
