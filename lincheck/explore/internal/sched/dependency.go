package sched

// footprint is what an operation touches, for the question which operations commute.
type footprint struct {
	kind    Kind
	write   bool
	objects [2]int // 0 is none
	more    []int
}

func (op *Op) footprint() footprint {
	f := footprint{kind: op.Kind, write: op.Write}
	if op.Obj != nil {
		f.objects[0] = op.Obj.ID
	}
	for i, o := range op.More {
		if i == 0 {
			f.objects[1] = o.ID
		} else {
			f.more = append(f.more, o.ID)
		}
	}
	return f
}

func (f *footprint) touches(id int) bool {
	if f.objects[0] == id || f.objects[1] == id {
		return true
	}
	for _, o := range f.more {
		if o == id {
			return true
		}
	}
	return false
}

// dependent says whether the order of two operations of different tasks can matter. That time
// passes depends on what everything else does.
func (f *footprint) dependent(g *footprint) bool {
	if f.kind == Passing || g.kind == Passing {
		return true
	}
	if f.calls() && g.returns() || f.returns() && g.calls() {
		return true // it decides whether one operation was over when the other began
	}
	if !f.write && !g.write {
		return false
	}
	for _, id := range f.objects {
		if id != 0 && g.touches(id) {
			return true
		}
	}
	for _, id := range f.more {
		if g.touches(id) {
			return true
		}
	}
	return false
}

func (f *footprint) calls() bool   { return f.kind == Call || f.kind == Between }
func (f *footprint) returns() bool { return f.kind == Return || f.kind == Between }

// together says whether there can be a state in which both are possible: who lets go of a lock has
// it, and who gets it needs it to be free.
func (f *footprint) together(g *footprint) bool {
	return !apart(f.kind, g.kind) && !apart(g.kind, f.kind)
}

func apart(a, b Kind) bool {
	switch a {
	case Acquire, Announce:
		return b == Release || b == AcquireAll
	case AcquireAll:
		return b == Release || b == ReleaseRead || b == AcquireAll
	}
	return false
}

// event is a step that was made.
type event struct {
	task  int
	what  footprint
	since int   // how many events there were when the task stopped before it
	past  clock // what the task had done, and what that depended on
	// and with this event: for each task, the position after its last event that this depends on
	clock clock
}

// withdrawn is an operation that a task stood before, until it had not to be performed any more: a
// timer that was stopped.
type withdrawn struct {
	task  int
	what  footprint
	since int
	past  clock
	end   int // how many events there were then
}

// note records the step that a task is about to make.
func (s *Sched) note(t *Task) {
	e := event{task: t.ID, what: t.op.footprint(), since: t.since, past: t.past}
	c := t.past
	depend := func(o *Object) {
		c = c.join(o.written)
		if t.op.Write {
			c = c.join(o.read)
		}
	}
	if t.op.Obj != nil {
		depend(t.op.Obj)
	}
	for _, o := range t.op.More {
		depend(o)
	}
	for _, o := range t.op.Ended {
		c = c.join(o.past)
	}
	if f := &e.what; f.calls() || f.returns() {
		if f.calls() {
			c = c.join(s.returned)
		}
		if f.returns() {
			c = c.join(s.called)
		}
	}
	if t.op.Kind == Passing {
		for _, other := range s.tasks {
			c = c.join(other.past)
		}
		s.lastTimer = c
	}
	c = c.join(s.lastTimer).with(t.ID, int32(len(s.events)+1))
	if t.op.Kind == Passing {
		s.lastTimer = c
	}
	if e.what.calls() {
		s.called = s.called.join(c)
	}
	if e.what.returns() {
		s.returned = s.returned.join(c)
	}
	leave := func(o *Object) {
		if t.op.Write {
			o.written, o.read = c, nil
		} else {
			o.read = o.read.join(c)
		}
	}
	if t.op.Obj != nil {
		leave(t.op.Obj)
	}
	for _, o := range t.op.More {
		leave(o)
	}
	e.clock, t.past = c, c
	s.events = append(s.events, e)
}
