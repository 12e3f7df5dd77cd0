package linker

import (
	"context"
)

// Func is a function of the image that was looked up once, for many calls in one group. It stays
// good as long as its module is loaded, as a function pointer does, and keeps nothing loaded. It is
// safe for concurrent use; calls take turns, as all calls into a group do.
type Func struct {
	group *Group
	callee
}

// Func looks a function up as [Group.Call] does and prepares calls of it in this group. The errors
// are those of a look-up.
func (g *Group) Func(ctx context.Context, lib *Library, name string) (f *Func,
	err error) {
	err = g.inside(ctx, func(ctx context.Context, act *activation) error {
		defer receive(ctx, 0, act.snapshot().Commit)
		p, err := act.named(lib, name)
		if err == nil {
			f = &Func{group: g, callee: p}
		}
		return err
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
	act, err := f.group.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer act.leaveWith(&err)
	if err := act.ready(); err != nil {
		return nil, err
	}
	return act.call(&f.callee, args)
}

// CallWithStack is Call without taking memory, as api.Function's method of that name: the stack
// holds the arguments, and afterwards the results, so it must be as long as the longer of the two.
// What it holds after an error means nothing.
func (f *Func) CallWithStack(ctx context.Context, stack []uint64) (err error) {
	if len(stack) < f.words {
		return f.wrongLength(len(stack), "value of stack")
	}
	act, err := f.group.enter(ctx)
	if err != nil {
		return err
	}
	defer act.leaveWith(&err)
	if err := act.ready(); err != nil {
		return err
	}
	if f.pool.Gone {
		return ErrLibraryClosed
	}
	return act.called(f.pool.CallWithStack(act, stack))
}
