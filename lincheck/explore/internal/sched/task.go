package sched

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Kind is the kind of an operation, as far as the search has to know it.
type Kind uint8

// The kinds. Those of locks say which operations can never be possible in the same state; of all
// others that is not assumed.
const (
	Plain       Kind = iota // anything else
	Acquire                 // needs that there is no writer
	Announce                // the same, and keeps others out: the first half of a writer's Lock
	AcquireAll              // the second half, which needs that there are no readers
	Release                 // a writer goes
	ReleaseRead             // a reader goes
	Begin                   // the first step of a task
	Yield                   // gives way to the others
	Passing                 // time passes
	Call                    // an operation of a history begins
	Return                  // one ends
	Between                 // one ends and the next begins
)

// Op is an operation before which a task stops.
type Op struct {
	Kind Kind
	Name string // for people: "Lock"
	Obj  *Object
	More []*Object // further objects
	// Write says that the operation may change an object. Two operations commute if they share no
	// object, or if neither is a write.
	Write bool
	// Ready says whether the operation can be performed now; nil: always. It must have no side
	// effects and depend on nothing but the objects.
	Ready func() bool
	// Ended are tasks that have ended then, and all that they did happened before.
	Ended []*Task
	// Quiet keeps it out of traces.
	Quiet bool
	// Waits are the tasks that it waits for if it is not ready, as far as that is known.
	Waits func() []*Task
}

// Task is a goroutine under the scheduler.
type Task struct {
	ID     int
	Name   string
	Parent *Task // who started it; nil for the first

	s        *Sched
	f        func()
	worker   *worker
	returned bool // by its return, and not by Goexit
	gate     chan struct{}
	g        atomic.Uintptr // its goroutine, read by others, too
	op       Op
	since    int    // how many events there were when it stopped
	file     string // where it stopped, in a trace
	line     int
	past     clock // dependency clock of what it has done
	known    clock // what happened before what it does next, for races
	finished bool
	gone     bool // its goroutine has ended
	daemon   bool
	system   func() // a timer: performed by the task that chooses it
	due      time.Duration
	turn     int

	gaveWay bool // until another task has made a step
	idle    int  // reads since anything was written
	version int  // the number of writes when idle was counted
}

// Go starts a task. It goes on to its first operation only when it is chosen. Its name is for
// people.
func (t *Task) Go(name string, f func()) *Task { return t.s.spawn(t, name, f) }

// Await waits until other tasks have ended.
func (t *Task) Await(name string, tasks ...*Task) {
	left := func() (list []*Task) {
		for _, o := range tasks {
			if !o.finished {
				list = append(list, o)
			}
		}
		return list
	}
	t.Point(Op{Name: name, Quiet: true, Ended: tasks, Waits: left,
		Ready: func() bool { return len(left()) == 0 }})
	for _, o := range tasks {
		t.known = t.known.join(o.known)
	}
}

// Daemon says that the task may be left when everything else has ended.
func (t *Task) Daemon() { t.daemon = true }

// Finished says whether the task's function has returned.
func (t *Task) Finished() bool { return t.finished }

func (s *Sched) spawn(parent *Task, name string, f func()) *Task {
	t := &Task{ID: len(s.tasks), Name: name, Parent: parent, s: s, gate: make(chan struct{}, 1)}
	if t.ID >= MaxTasks {
		panic(fmt.Sprintf("explore: more than %d goroutines", MaxTasks))
	}
	if name == "" {
		t.Name = fmt.Sprintf("go%d", t.ID)
	}
	t.op = Op{Kind: Begin, Name: "start"}
	t.since = len(s.events)
	if parent != nil {
		t.past = parent.past
		if s.options.Races {
			t.known = parent.known.with(t.ID, 1)
			parent.tick()
		}
	} else if s.options.Races {
		t.known = clock{1}
	}
	s.tasks = append(s.tasks, t)
	t.f = f
	t.worker = s.crew.work(t)
	return t
}

// run is what the task's goroutine does; it returns unless the goroutine has to end.
func (t *Task) run() {
	<-t.gate
	t.g.Store(goroutine())
	defer t.end()
	if t.s.over {
		return
	}
	t.s.perform(t)
	t.f()
	t.returned = true
}

// worker is a goroutine that runs one task after the other: its stack need not grow every time.
type worker struct{ tasks chan *Task }

// crew are the workers that have nothing to do. It belongs to the task that runs.
type crew struct{ idle []*worker }

// work lets a worker run a task.
func (c *crew) work(t *Task) (w *worker) {
	if n := len(c.idle); n > 0 {
		w = c.idle[n-1]
		c.idle = c.idle[:n-1]
	} else {
		w = &worker{tasks: make(chan *Task, 1)}
		go func() {
			for t := range w.tasks {
				t.run()
			}
		}()
	}
	w.tasks <- t
	return w
}

// dismiss ends the workers.
func (c *crew) dismiss() {
	for _, w := range c.idle {
		close(w.tasks)
	}
	c.idle = nil
}

// end is deferred around the task's function: by its return, a panic or Goexit.
func (t *Task) end() {
	s := t.s
	v := recover()
	t.gone = true
	if s.over { // it is unwound: it has not finished
		s.done <- struct{}{}
		return
	}
	t.finished = true
	if t.returned || v != nil {
		s.crew.idle = append(s.crew.idle, t.worker)
	}
	if v != nil {
		s.Fail(&Failure{Kind: Panic, Task: t, Message: fmt.Sprint(v), Stack: debug.Stack()})
	}
	s.steps++
	s.version++
	s.handOver(t)
}

// Point stops the task before an operation, and returns when it was chosen and the operation is
// ready; the caller performs it before it stops again. When the run is over the goroutine ends
// instead.
func (t *Task) Point(op Op) {
	s := t.s
	if s.over {
		runtime.Goexit()
	}
	t.op, t.since = op, len(s.events)
	if s.options.Trace {
		t.file, t.line = place()
	}
	s.handOver(t)
	s.perform(t)
}

// Changed notes that an operation that was not announced as a write has changed something after
// all, such as a successful TryLock.
func (t *Task) Changed() { t.s.version++ }

// Over says whether the run is over and the task is being unwound.
func (t *Task) Over() bool { return t.s.over }

// ready says whether the task's operation can be performed.
func (t *Task) ready() bool { return !t.finished && (t.op.Ready == nil || t.op.Ready()) }

// spinning says whether the task has read for so long without any change that it must be waiting
// for one.
func (t *Task) spinning() bool { return t.idle >= spinReads && t.version == t.s.version }

// spinReads is how many reads in a row, without a write in between, make a spinning task.
const spinReads = 40
