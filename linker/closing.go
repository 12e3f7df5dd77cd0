package linker

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// closing is one goroutine's work of unloading what is not used any more. When there are
// destructors to run it takes three steps:
//
//  1. A link operation takes the modules out of the scope: nothing finds them any more, and who
//     opens such a library again gets another copy of it. The modules themselves stay as they are.
//  2. Outside of any operation, with no lock held, the destructors run. They may call the linker as
//     any code of the guest may.
//  3. A link operation takes the modules out of the groups. What is unused by now and has
//     destructors begins again with the first step.
//
// While the work is under way, the modules are left alone by others that unload something. If it
// ends early (its context, or its group), the next one that unloads something completes it.
type closing struct{ ended atomic.Bool }

// heldBesides reports whether modules of this work are not to be touched by another one, or by
// nobody's, nil.
func (c *closing) heldBesides(other *closing) bool {
	return c != nil && c != other && !c.ended.Load()
}

// unload gives up a handle, none if lib is nil, and unloads what is not used any more.
func (g *Group) unload(ctx context.Context, e *entry, lib *Library) (err error) {
	c := &closing{}
	defer c.ended.Store(true)
	late, end := g.l.exits.beginLate(g.l.config.maxLate)
	defer end()
	var destroyed error
	for first := true; ; first = false {
		u := &unload{tx: tx{l: g.l, g: g, kind: protocol.UnloadModules}, lib: lib, closing: c,
			last: isExit(destroyed)}
		var commit uint64
		if commit, err = g.member.Link(ctx, u); err == nil {
			if first {
				// Later ones make nothing invisible that was visible. It is filled in at the end,
				// for destructors that call the linker do so with the same context.
				defer receive(ctx, commit, u.saved.scope.commit)
			}
			err = u.err
		} else if first && errors.Is(err, ErrLibraryClosed) {
			receive(ctx, 0, u.saved.scope.commit)
		} else if ended := ctx.Err(); !first && ended != nil && errors.Is(err, ended) {
			err = nil // the handle is given up: the next one that unloads something does the rest
			break
		}
		g.l.areas.drain(ctx, g)
		if err != nil || len(u.hidden) == 0 {
			break
		}
		lib = nil
		g.l.exits.count(late, u.hidden, g)
		destroyed = errors.Join(destroyed, g.destroyUnused(ctx, u.hidden))
	}
	if destroyed != nil {
		err = errors.Join(err, g.judge(e, destroyed))
	}
	return err
}

// hide takes modules out of the scope, and reports whether they were in it.
func (u *unload) hide(gone []*module) (changed bool) {
	hidden := make(map[*module]bool, len(gone))
	for _, m := range gone {
		m.closing.Store(u.closing)
		hidden[m] = true
		changed = changed || u.l.state.scope.has(m)
	}
	if !changed { // somebody else has begun with them
		return false
	}
	dead := func(m *module) bool { return hidden[m] }
	u.change(func(s *scope) {
		s.global = s.global.without(dead)
		for _, m := range gone {
			s.unname(m)
		}
	})
	return true
}

// destroyUnused calls the destructors of modules that are not used any more, those of modules that
// use others first, and of each those of this group's thread-local data before.
func (g *Group) destroyUnused(ctx context.Context, modules []*module) error {
	var errs []error
	for g.cause.Load() == nil {
		var err error
		if g.l.exits.hasThread(g, modules) {
			err = g.destroyThread(ctx, modules)
		} else if m := g.l.exits.first(modules); m != nil {
			err = g.destroy(ctx, m)
		} else {
			break
		}
		errs = append(errs, err)
		if isExit(err) {
			break
		}
	}
	return errors.Join(errs...)
}

// any reports whether there is something to be run for modules in a group.
func (x *exits) any(g *Group, modules []*module) bool {
	return x.hasThread(g, modules) || x.first(modules) != nil
}

// release gives up a handle within an operation. What is not used any more then is unloaded when
// the operation has been committed, see settle.
func (t *tx) release(lib *Library) error {
	if !lib.given.CompareAndSwap(false, true) {
		return ErrLibraryClosed
	}
	lib.mod.handles.Add(-1)
	t.released = append(t.released, lib)
	return nil
}

// settle does what an operation has put off until it is committed.
func (t *tx) settle(ctx context.Context, e *entry) {
	t.startThreads(ctx)
	if len(t.released) > 0 {
		// What the destructors fail with, dlclose cannot tell any more: it has returned.
		_ = t.g.unload(ctx, e, nil)
	}
}
