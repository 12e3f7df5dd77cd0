package schedule

import (
	"context"
	"time"
)

// timer fires once.
type timer struct {
	when time.Duration
	fire func()
}

// Now is the virtual time since the run began.
func (s *Scheduler) Now() time.Duration { return s.now }

// Sleep lets d of virtual time pass for the task that calls it. It returns the
// context's error when the context ends first.
func (s *Scheduler) Sleep(ctx context.Context, d time.Duration) error {
	s.running("sleep").pause(wait{kind: asleep, until: s.now + d, ctx: ctx, label: "sleep"})
	return ctx.Err()
}

// WithTimeout is context.WithTimeout in virtual time.
func (s *Scheduler) WithTimeout(parent context.Context, d time.Duration) (context.Context,
	context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	t := &timer{when: s.now + d, fire: func() { cancel(context.DeadlineExceeded) }}
	s.timers = append(s.timers, t)
	return &deadlineContext{Context: ctx, when: t.when}, func() {
		t.fire = nil
		cancel(context.Canceled)
	}
}

// deadlineContext ends with DeadlineExceeded when its time has come. Its
// channel is that of the standard context inside, so contexts derived from it
// need no goroutine.
type deadlineContext struct {
	context.Context
	when time.Duration
}

// Deadline is the virtual time since the run began, on the zero time.
func (c *deadlineContext) Deadline() (time.Time, bool) { return time.Time{}.Add(c.when), true }

func (c *deadlineContext) Err() error {
	err := c.Context.Err()
	if err != nil && context.Cause(c.Context) == context.DeadlineExceeded {
		return context.DeadlineExceeded
	}
	return err
}

// nextTime is when something is due; false: never.
func (s *Scheduler) nextTime() (when time.Duration, ok bool) {
	consider := func(t time.Duration) {
		if !ok || t < when {
			when, ok = t, true
		}
	}
	for _, t := range s.timers {
		if t.fire != nil {
			consider(t.when)
		}
	}
	for _, t := range s.tasks {
		if !t.finished && t.at.kind == asleep && t.at.until > s.now {
			consider(t.at.until)
		}
	}
	return when, ok
}

// advance moves the clock to the next time at which something is due.
func (s *Scheduler) advance() bool {
	when, ok := s.nextTime()
	if !ok {
		return false
	}
	s.now = max(s.now, when)
	for _, t := range s.timers {
		if t.fire != nil && t.when <= s.now {
			fire := t.fire
			t.fire = nil
			fire()
		}
	}
	return true
}
