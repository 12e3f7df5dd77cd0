package fuzz_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// task is the leader's side of a link operation.
type task struct {
	*actor
	act
	job    *job
	begun  bool // Do has changed the leader's instances
	commit uint64
}

// link leads an operation and judges its outcome: it is in the log exactly if it succeeded.
func (a *actor) link(ctx context.Context, next act, lead func(*task) (uint64, error)) bool {
	a.w.maker++
	t := &task{actor: a, act: next,
		job: &job{entry: fmt.Sprintf("%s#%d", a.name, a.w.maker), failIn: protocol.NoGroup,
			panicIn: protocol.NoGroup}}
	switch next.Verb {
	case failsReplay:
		t.job.failIn = next.Target
	case poisons:
		t.job.failIn, t.job.failUndo = next.Target, true
	case panicsReplay:
		t.job.panicIn = next.Target
	case killsInReplay:
		t.job.during = func() { a.w.kill(next.Target) }
	}
	commit, err := a.lead(t, lead)
	where := slices.Index(a.w.log, t.job.entry)
	switch {
	case (where >= 0) != (commit > 0) || commit > 0 && (err != nil || uint64(where)+1 != commit):
		a.w.s.Failf("%s: %s returned %d, %v, and is number %d in the log", a.name, next, commit,
			err, where+1)
	case err == nil && commit == 0 && t.begun:
		a.w.s.Failf("%s: %s has worked, and nothing came of it", a.name, next)
	case commit != t.commit:
		a.w.s.Failf("%s: commit %d and %d", a.name, commit, t.commit)
	}
	return a.ok(next.String(), next, err)
}

// lead recovers the panic of panicsWork.
func (a *actor) lead(t *task, lead func(*task) (uint64, error)) (commit uint64, err error) {
	if t.Verb == panicsWork {
		defer func() {
			if v := recover(); v == errWork {
				if a.live {
					a.w.s.Failf("%s has panicked in its work, and lives", a.name)
				}
				commit, err = 0, coord.ErrGroupClosed
			} else if v != nil {
				panic(v)
			}
		}()
	}
	return lead(t)
}

// Do implements coord.Work.
func (t *task) Do(context.Context) (coord.Operation, bool, error) {
	op := coord.Operation{Kind: protocol.LoadModules, Payload: t.job}
	if t.live && !slices.Equal(t.entries, t.w.log) {
		t.w.s.Failf("%s begins its work with %v, committed is %v", t.name, t.entries, t.w.log)
	}
	release := t.w.change(t.name)
	defer func() {
		if !t.begun {
			release()
		}
	}()
	t.w.point()
	switch {
	case t.Verb == looksAgain:
		return op, false, nil
	case t.Verb == failsWork:
		return op, false, errWork
	case t.Verb == panicsWork:
		panic(errWork)
	case t.Verb == closure:
		op.Kind = protocol.AllocateFunctionTable
		// the second look
		if s := t.w.c.State(); s.Free > 0 || s.Table+s.Config.Batch > s.Config.MaxTable {
			return op, false, nil
		}
	}
	t.entries = append(t.entries, t.job.entry)
	t.begun = true
	return op, true, nil
}

// Undo implements coord.Work.
func (t *task) Undo(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		t.w.s.Failf("%s: the context of an undo has ended: %v", t.name, err)
	}
	t.w.point()
	t.pop(t.job.entry)
	t.w.changing = ""
	return nil
}

// Commit implements coord.Work.
func (t *task) Commit(number uint64) {
	t.commit = number
	t.w.changing = ""
	t.w.log = append(t.w.log, t.job.entry)
}
