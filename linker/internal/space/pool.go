package space

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// Pool keeps api.Functions of one exported function: making one is costly, and each serves
// one call at a time, which matters when a function is called again from within itself, through the
// host.
type Pool struct {
	space *Space
	mod   api.Module
	name  string
	// They belong to whom the space belongs.
	free []api.Function
	Gone bool // the module was taken out of the group
}

func (p *Pool) take() api.Function {
	n := len(p.free)
	if n == 0 {
		return p.mod.ExportedFunction(p.name)
	}
	f := p.free[n-1]
	p.free = p.free[:n-1]
	return f
}

func (p *Pool) Call(ctx context.Context, args []uint64) ([]uint64, error) {
	if err := p.space.beginCall(); err != nil {
		return nil, err
	}
	f := p.take()
	mark := p.space.stackMark()
	results, err := f.Call(ctx, args...)
	p.space.calls--
	if err != nil {
		p.space.stackReset(mark)
	}
	p.free = append(p.free, f)
	return results, err
}

// CallWithStack is call without taking memory: the stack holds the arguments, and then the results.
func (p *Pool) CallWithStack(ctx context.Context, stack []uint64) error {
	if err := p.space.beginCall(); err != nil {
		return err
	}
	f := p.take()
	mark := p.space.stackMark()
	err := f.CallWithStack(ctx, stack)
	p.space.calls--
	if err != nil {
		p.space.stackReset(mark)
	}
	p.free = append(p.free, f)
	return err
}

// beginCall counts a call, unless there are too many within each other: Go ends the process when
// its stack is too large.
func (sp *Space) beginCall() error {
	if limit := sp.shared.MaxCalls; sp.calls >= limit {
		return sp.shared.Errors.Calls(limit)
	}
	sp.calls++
	return nil
}

// PoolOf returns what calls a function in this group, which the caller is inside.
func (sp *Space) PoolOf(fn *image.Function) (*Pool, error) {
	if pool := sp.functions[fn]; pool != nil {
		return pool, nil
	}
	mod := CodeOf(fn.Mod).Instance
	if inst := sp.Instances[fn.Mod]; inst != nil && inst.Mod != nil {
		mod = inst.Mod
	}
	if mod == nil {
		return nil, sp.shared.Errors.Undefined(fn)
	}
	pool := &Pool{space: sp, mod: mod, name: fn.Name}
	sp.functions[fn] = pool
	return pool, nil
}

// Call calls a function in this group, which the caller is inside.
func (sp *Space) Call(ctx context.Context, fn *image.Function, args ...uint64) ([]uint64, error) {
	pool, err := sp.PoolOf(fn)
	if err != nil {
		return nil, err
	}
	return pool.Call(ctx, args)
}

// Call1 is call for a function with one result.
func (sp *Space) Call1(ctx context.Context, fn *image.Function, args ...uint64) (uint64, error) {
	r, err := sp.Call(ctx, fn, args...)
	if err != nil {
		return 0, err
	}
	return r[0], nil
}

// Caller returns the function that calls function pointers of a signature.
func (sp *Space) Caller(ctx context.Context, params, results []api.ValueType) (*Pool,
	error) {
	var room [32]byte // so that finding it takes no memory
	key := append(append(append(room[:0], params...), 0), results...)
	if c := sp.callers[string(key)]; c != nil {
		return c, nil
	}
	t := image.WasmType(params, results)
	compiled, err := sp.shared.CallerCode(ctx, t)
	if err != nil {
		return nil, err
	}
	mod, err := sp.shared.InstantiateIn(ctx, compiled, sp.Namespace)
	if err != nil {
		return nil, err
	}
	c := &Pool{space: sp, mod: mod, name: "call"}
	sp.callers[string(key)] = c
	return c, nil
}
