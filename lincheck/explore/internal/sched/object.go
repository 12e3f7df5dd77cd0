package sched

import (
	"fmt"
	"unsafe"
)

// Object is something shared that operations work on: a mutex, an atomic variable, a channel.
// Objects belong to one run.
type Object struct {
	ID   int            // in the order of first use
	Type string         // for people: "sync.Mutex"
	Addr unsafe.Pointer // keeps the thing from being freed, so that no other gets its address
	// State is what the shim keeps about it for the run.
	State any
	// Holders are the tasks that have it, for pictures of who waits for whom.
	Holders []*Task

	released clock // of the tasks that synchronised with who acquires it next
	readers  clock // the same for readers, whom only a writer acquires
	written  clock // dependency clocks, of the last write
	read     clock // and of all reads since
}

// Object is the object at an address; make sets it up at its first use in the run.
func (t *Task) Object(addr unsafe.Pointer, typ string, make func() any) *Object {
	s := t.s
	if o, ok := s.objects[addr]; ok {
		return o
	}
	s.nextObject++
	o := &Object{ID: s.nextObject, Type: typ, Addr: addr}
	s.objects[addr] = o
	if make != nil {
		o.State = make()
	}
	return o
}

// Hold notes that the task has the object.
func (o *Object) Hold(t *Task) { o.Holders = append(o.Holders, t) }

// Drop notes that the task has the object no more; any other holder goes if it was not one, since
// Go's locks do not belong to goroutines.
func (o *Object) Drop(t *Task) {
	for i, h := range o.Holders {
		if h == t {
			o.Holders = append(o.Holders[:i:i], o.Holders[i+1:]...)
			return
		}
	}
	if n := len(o.Holders); n > 0 {
		o.Holders = o.Holders[:n-1]
	}
}

// String is the name of the object for people, stable for one schedule.
func (o *Object) String() string { return fmt.Sprintf("%s#%d", o.Type, o.ID) }

// Acquire makes what was released on the object happen before what the task does next.
func (t *Task) Acquire(o *Object) {
	if t.s.options.Races {
		t.known = t.known.join(o.released)
	}
}

// AcquireAll is Acquire for a writer: it waits for the readers as well.
func (t *Task) AcquireAll(o *Object) {
	if t.s.options.Races {
		t.known = t.known.join(o.released).join(o.readers)
	}
}

// Release makes what the task has done happen before what is done by who acquires the object next.
func (t *Task) Release(o *Object) {
	if t.s.options.Races {
		o.released = o.released.join(t.known)
		t.tick()
	}
}

// Replace is Release for who overwrites the object without looking: who acquires it next knows of
// nothing that was released before.
func (t *Task) Replace(o *Object) {
	if t.s.options.Races {
		o.released = t.known
		t.tick()
	}
}

// ReleaseReader is Release for readers, which do not synchronise with each other.
func (t *Task) ReleaseReader(o *Object) {
	if t.s.options.Races {
		o.readers = o.readers.join(t.known)
		t.tick()
	}
}

// tick begins a new epoch of the task: what it does from here on is not released yet.
func (t *Task) tick() { t.known = t.known.with(t.ID, t.known.of(t.ID)+1) }

// Stamp is what a task had done at a moment, for races.
type Stamp struct{ c clock }

// Stamp is what the task has done up to here.
func (t *Task) Stamp() Stamp {
	if !t.s.options.Races {
		return Stamp{}
	}
	st := Stamp{t.known}
	t.tick()
	return st
}

// Join makes what a stamp stands for happen before what the task does next.
func (t *Task) Join(st Stamp) { t.known = t.known.join(st.c) }
