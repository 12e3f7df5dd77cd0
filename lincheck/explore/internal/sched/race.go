package sched

import (
	"fmt"
	"unsafe"
)

// cell is what is known of the accesses to a plain variable.
type cell struct {
	writer, writeRow int
	write            int32 // the writer's epoch; 0: there was no write
	reads            []read
	addr             unsafe.Pointer // keeps it from being freed
}

type read struct {
	task, row int
	epoch     int32
}

// Access notes that the task reads or writes a plain variable. If another task has written it, or
// read it before this write, and nothing orders the two, the run fails with a Race, whichever came
// first here.
func (t *Task) Access(addr unsafe.Pointer, write bool, value func() string) {
	s := t.s
	if !s.options.Races || s.over || addr == nil || len(s.tasks) == 1 && !s.options.Trace {
		return // what the first task does alone happens before everything else
	}
	row := -1
	if s.options.Trace {
		row = s.plainRow(t, addr, write, value)
	}
	if s.plain == nil {
		s.plain = map[uintptr]*cell{}
	}
	c, ok := s.plain[uintptr(addr)]
	if !ok {
		c = &cell{addr: addr}
		s.plain[uintptr(addr)] = c
	}
	if c.write != 0 && c.writer != t.ID && t.known.of(c.writer) < c.write {
		s.race(t, write, s.tasks[c.writer], true, row, c.writeRow)
	}
	epoch := t.known.of(t.ID)
	if !write {
		for i := range c.reads {
			if c.reads[i].task == t.ID {
				c.reads[i] = read{t.ID, row, epoch}
				return
			}
		}
		c.reads = append(c.reads, read{t.ID, row, epoch})
		return
	}
	for _, r := range c.reads {
		if r.task != t.ID && t.known.of(r.task) < r.epoch {
			s.race(t, true, s.tasks[r.task], false, row, r.row)
		}
	}
	c.writer, c.write, c.writeRow, c.reads = t.ID, epoch, row, c.reads[:0]
}

func (s *Sched) race(t *Task, write bool, other *Task, otherWrote bool, row, otherRow int) {
	if s.failure != nil {
		return
	}
	verb := func(write bool) string {
		if write {
			return "writes"
		}
		return "reads"
	}
	f := &Failure{Kind: Race, Task: t}
	f.Message = fmt.Sprintf("%s %s what %s %s, and nothing orders the two", t.Name, verb(write),
		other.Name, verb(otherWrote))
	if row >= 0 && otherRow >= 0 {
		s.rows[row].Mark, s.rows[otherRow].Mark = true, true
		f.Message += fmt.Sprintf(": %s and %s", s.rows[otherRow].Place(), s.rows[row].Place())
	}
	s.Fail(f)
}
