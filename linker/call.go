package linker

import (
	"context"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// Call calls a function by name and returns its results. lib is [Default] or the library to look
// in, with what that needs. Arguments are encoded as wazero's api.Function wants them. A guest that
// traps gives an error and the group lives on, unless [Config.WithTrapClosesGroup] says otherwise;
// a guest that exits closes its group, and the error is a *sys.ExitError.
//
// A host function may call into another group than the one that it is called from. Two groups that
// do so to each other at the same time wait for each other, as two mutexes do; a context with a
// deadline ends that.
func (g *Group) Call(ctx context.Context, lib *Library, name string,
	args ...uint64) (results []uint64, err error) {
	act, err := g.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer act.leaveWith(&err)
	if err := act.ready(); err != nil {
		return nil, err
	}
	if act.receipt != nil {
		// at the end, for a guest that calls the linker gets the same context
		defer receive(act, 0, act.snapshot().Commit)
	}
	p, err := act.named(lib, name)
	if err != nil {
		return nil, err
	}
	if len(args) != p.params {
		return nil, p.wrongLength(len(args), "argument")
	}
	return act.call(&p, args)
}

// named finds a function by its name, with what calls it in this group.
func (act *activation) named(lib *Library, name string) (callee, error) {
	g, s := act.group, act.snapshot()
	committed := act.view == nil && act.op == nil && !act.Replay
	if committed && g.recent != nil && lib != nil {
		n := g.recent.of(name)
		if n.commit == s.Commit && n.lib == lib && n.name == name && !lib.closedIn(s) {
			return n.callee, nil
		}
	}
	fn, err := act.function(lib, name)
	if err != nil {
		return callee{}, err
	}
	pool, err := g.space.PoolOf(fn)
	if err != nil {
		return callee{}, err
	}
	p := newCallee(fn, pool)
	if committed {
		if g.recent == nil {
			g.recent = &namedCalls{}
		}
		g.recent.keep(lib, name, s.Commit, p)
	}
	return p, nil
}

// call calls a function within an activation.
func (act *activation) call(p *callee, args []uint64) ([]uint64, error) {
	if p.pool.Gone {
		return nil, ErrLibraryClosed
	}
	results, err := p.pool.Call(act, args)
	if err = act.called(err); err != nil {
		return nil, err
	}
	return results, nil
}

func (p *callee) wrongLength(n int, what string) error {
	return &SymbolError{Symbol: p.fn.Name, Definer: p.fn.Mod.Name, Want: p.fn.Type.String(),
		Found: countOf(n, what)}
}

// CallPointer calls a function pointer as C does: params and results are the signature that the
// caller takes it for, and a function of another signature, or none at all, is a *PointerError.
func (g *Group) CallPointer(ctx context.Context, pointer uint32, params, results []api.ValueType,
	args ...uint64) ([]uint64, error) {
	if len(args) != words(params) {
		return nil, &PointerError{Pointer: pointer,
			Reason: fmt.Sprintf("%d arguments for the type %v", len(args),
				image.WasmType(params, results))}
	}
	var values []uint64
	err := g.inside(ctx, func(ctx context.Context, act *activation) error {
		c, err := g.space.Caller(ctx, params, results)
		if err != nil {
			return err
		}
		values, err = c.Call(ctx, slices.Concat(args, []uint64{uint64(pointer)}))
		return g.closeOnExit(act, g.exiting(ctx, act, asPointerError(pointer, err)))
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}
