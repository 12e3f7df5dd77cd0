package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
)

// Func is a function of the image that was looked up once, for many calls in one group. It stays
// good as long as its module is loaded, as a function pointer does, and keeps nothing loaded. It is
// safe for concurrent use; calls take turns, as all calls into a group do.
type Func struct {
	group  *Group
	fn     *image.Function
	pool   *space.Pool
	params int // how many words the arguments are
	words  int // of a stack: the arguments or the results, whichever are more
}

// Func looks a function up as [Group.Call] does and prepares calls of it in this group. The errors
// are those of a look-up.
func (g *Group) Func(ctx context.Context, lib *Library, name string) (*Func, error) {
	var f *Func
	err := g.inside(ctx, func(ctx context.Context, e *entry) error {
		defer receive(ctx, 0, e.scope().Commit)
		fn, err := e.function(lib, name)
		if err != nil {
			return err
		}
		pool, err := g.space.PoolOf(fn)
		if err != nil {
			return err
		}
		params := words(fn.Type.Params)
		f = &Func{group: g, fn: fn, pool: pool, params: params,
			words: max(params, words(fn.Type.Results))}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Name returns the name under which the function was found.
func (f *Func) Name() string { return f.fn.Name }

// Type returns the function's signature.
func (f *Func) Type() *FunctionType { return (*FunctionType)(f.fn.Signature) }

// Group returns the group in which the function is called.
func (f *Func) Group() *Group { return f.group }

// Call calls the function and returns its results. It is [Group.Call] without the look-up; the
// error is [ErrLibraryClosed] when the module has been unloaded.
func (f *Func) Call(ctx context.Context, args ...uint64) (results []uint64, err error) {
	if len(args) != f.params {
		return nil, f.wrongLength(len(args), "argument")
	}
	e, err := f.group.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer e.leaveWith(&err)
	if err := f.ready(e); err != nil {
		return nil, err
	}
	results, err = f.pool.Call(e, args)
	if err = e.called(err); err != nil {
		return nil, err
	}
	return results, nil
}

// CallWithStack is Call without taking memory, as api.Function's method of that name: the stack
// holds the arguments, and afterwards the results, so it must be as long as the longer of the two.
// What it holds after an error means nothing.
func (f *Func) CallWithStack(ctx context.Context, stack []uint64) (err error) {
	if len(stack) < f.words {
		return f.wrongLength(len(stack), "value of stack")
	}
	e, err := f.group.enter(ctx)
	if err != nil {
		return err
	}
	defer e.leaveWith(&err)
	if err := f.ready(e); err != nil {
		return err
	}
	return e.called(f.pool.CallWithStack(e, stack))
}

// ready prepares a call, now that a stay has begun.
func (f *Func) ready(e *entry) error {
	if f.group.space.Stale.Any() {
		if err := f.group.space.ClearStale(e); err != nil {
			return err
		}
	}
	if f.pool.Gone {
		return ErrLibraryClosed
	}
	return nil
}

func (f *Func) wrongLength(n int, what string) error {
	return &SymbolError{Symbol: f.fn.Name, Definer: f.fn.Mod.Name, Want: f.fn.Type.String(),
		Found: countOf(n, what)}
}
