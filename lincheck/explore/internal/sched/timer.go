package sched

import (
	"fmt"
	"time"
	"unsafe"
)

// Timer is a moment of the virtual time at which something happens. Time passes when nothing else
// can happen, or, with Options.EagerTimers, at any moment.
type Timer struct {
	task *Task
	turn int // the task's, which serves one timer after the other
	when time.Duration
}

// clockObject stands for the virtual time among the objects.
var clockObject byte

func (s *Sched) clock() *Object {
	addr := unsafe.Pointer(&clockObject)
	o, ok := s.objects[addr]
	if !ok {
		s.nextObject++
		o = &Object{ID: s.nextObject, Type: "time", Addr: addr}
		s.objects[addr] = o
	}
	return o
}

// Now is the virtual time since the run began.
func (t *Task) Now() time.Duration { return t.s.now }

// After calls f when d has passed. f runs between two steps, must not stop, and gets the timer's
// task, which can start others.
func (t *Task) After(d time.Duration, f func(t *Task)) *Timer {
	s := t.s
	tm := &Timer{when: s.now + max(d, 0)}
	tt := s.timerTask(t)
	tt.Name, tt.due = fmt.Sprint("timer ", tm.when), tm.when
	tt.past, tt.since, tt.finished = tt.past.join(t.past), len(s.events), false
	if s.options.Races {
		tt.known = tt.known.join(t.known).with(tt.ID, tt.known.of(tt.ID)+1)
		t.tick()
	}
	tt.op = Op{Kind: Passing, Name: "fires", Obj: s.clock(), Write: true}
	tt.system = func() {
		s.now = max(s.now, tm.when)
		f(tt)
	}
	tm.task, tm.turn = tt, tt.turn
	return tm
}

// timerTask is a task for a timer: one whose timer is over, or a new one.
func (s *Sched) timerTask(parent *Task) *Task {
	for _, t := range s.tasks {
		if t.system != nil && t.finished {
			t.turn++
			return t
		}
	}
	t := &Task{ID: len(s.tasks), Parent: parent, s: s, gone: true}
	if t.ID >= MaxTasks {
		panic(fmt.Sprintf("explore: more than %d goroutines and timers", MaxTasks))
	}
	s.tasks = append(s.tasks, t)
	return t
}

// Stop keeps the timer from firing; false: it has fired, or was stopped.
func (tm *Timer) Stop() bool {
	if tm.task.finished || tm.task.turn != tm.turn {
		return false
	}
	t := tm.task
	if s := t.s; s.options.record {
		s.withdrawn = append(s.withdrawn, withdrawn{t.ID, t.op.footprint(), t.since, t.past,
			len(s.events)})
	}
	t.finished = true
	return true
}

// earliest is the timer that is due next.
func (s *Sched) earliest() (first *Task) {
	for _, t := range s.tasks {
		if t.system != nil && !t.finished {
			if first == nil || t.due < first.due {
				first = t
			}
		}
	}
	return first
}

// fire lets a timer's moment come.
func (s *Sched) fire(t *Task) {
	s.perform(t)
	if s.settled() {
		s.late++
	}
	t.finished = true
	t.system()
	s.version++
}

// Clock is the object that stands for the virtual time.
func (t *Task) Clock() *Object { return t.s.clock() }
