package linker

import (
	"context"
	"errors"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// unload gives up a handle, none if lib is nil, and unloads the modules that nothing uses then.
func (g *Group) unload(ctx context.Context, act *activation, lib *Library) (err error) {
	c := &image.Closing{}
	defer c.Ended.Store(true)
	late, end := g.l.dtors.BeginLate(g.l.config.maxLate)
	defer end()
	var destroyed error
	for first := true; ; first = false {
		u := &unload{linkOp: linkOp{l: g.l, g: g, kind: protocol.UnloadModules}, lib: lib,
			closing: c, last: isExit(destroyed)}
		var commit uint64
		if commit, err = g.member.Link(ctx, u); err == nil {
			if first {
				// Later ones make nothing invisible that was visible. It is filled in at the end,
				// for destructors that call the linker do so with the same context.
				defer receive(ctx, commit, u.saved.snapshot.Commit)
			}
			err = u.err
		} else if first && errors.Is(err, ErrLibraryClosed) {
			receive(ctx, 0, u.saved.snapshot.Commit)
		} else if ended := ctx.Err(); !first && ended != nil && errors.Is(err, ended) {
			err = nil // the handle is given up: the next one that unloads something does the rest
			break
		}
		g.l.heap.Drain(ctx, heapGuest{g})
		if err != nil || len(u.hidden) == 0 {
			break
		}
		lib = nil
		g.l.dtors.Count(late, u.hidden, g)
		destroyed = errors.Join(destroyed, g.destroyUnused(ctx, u.hidden))
	}
	if destroyed != nil {
		err = errors.Join(err, g.closeOnExit(act, destroyed))
	}
	return err
}

// destroyUnused calls the destructors of modules that are not used any more, those of modules that
// use others first, and of each those of this group's thread-local data before.
func (g *Group) destroyUnused(ctx context.Context, modules []*image.Module) error {
	var errs []error
	for g.cause.Load() == nil {
		var err error
		if g.l.dtors.HasThread(g, modules) {
			err = g.destroyThread(ctx, modules)
		} else if m := g.l.dtors.First(modules); m != nil {
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

// release gives up a handle within an operation. The modules that nothing uses then are
// unloaded after the commit, see settle.
func (op *linkOp) release(lib *Library) error {
	if !lib.given.CompareAndSwap(false, true) {
		return ErrLibraryClosed
	}
	lib.mod.Handles.Add(-1)
	op.released = append(op.released, lib)
	return nil
}

// CloseLibrary gives up a handle. When it was the last one of its library, and no other module is
// bound to that, the library and whatever only it used are unloaded: in every group their instances
// are closed and their table entries become null, and their memory, entries and records can be used
// again. Function pointers and addresses into them must not be used any more: an entry is null, so
// that calling it traps, until the same library is loaded again or the quarantine of
// [Config.WithPointerQuarantine] is over.
//
// Before that, the destructors of these libraries run, in this group and in reverse order of their
// registration; those of a library run before those of the libraries that it needs. They are what
// compilers register with __cxa_atexit, and what a library registers with atexit. Those of this
// group's thread-local data run before them; a library of which another group has such data stays
// loaded until that group has closed, and whatever it needs with it. Nothing finds a library any
// more when its destructors run, and who opens it again gets another copy. No lock is held
// meanwhile: others go on, and a destructor may open and close libraries, or wait for a thread that
// does.
//
// A destructor that traps does not keep the others from being run nor the library from being
// unloaded; the error says so, a [*DestructorError]. A guest that exits in one ends its group. The
// context ends a destructor that waits, or that computes with [Config.WithLoopSafepoints]. A
// context that ends before the first destructor cancels the call; afterwards the handle is given up
// in any case, and that is no error. If the other groups cannot agree before the context ends, the
// next call that unloads something unloads this library, too.
//
// In a constructor the handle is given up at once, and the library is unloaded when the load is
// complete.
//
// A function that another module bound when first calling it does not keep its library loaded; it
// is looked for again at the next call. wazero keeps a closed instance of an unloaded module, some
// kilobytes, for as long as the group's function table lives; its compiled code is kept for the
// next time, up to [Config.WithCodeCache].
func (g *Group) CloseLibrary(ctx context.Context, lib *Library) error {
	if err := g.l.closable(lib); err != nil {
		return err
	}
	return g.inside(ctx, func(ctx context.Context, act *activation) error {
		if act.op != nil {
			return act.op.nested(ctx,
				func(_ context.Context, op *linkOp) error { return op.release(lib) })
		}
		return g.unload(ctx, act, lib)
	})
}
