package linker

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func (p *functionPool) take() api.Function {
	n := len(p.free)
	if n == 0 {
		return p.mod.ExportedFunction(p.name)
	}
	f := p.free[n-1]
	p.free = p.free[:n-1]
	return f
}

func (p *functionPool) call(ctx context.Context, args []uint64) ([]uint64, error) {
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

// callWithStack is call without taking memory: the stack holds the arguments, and then the results.
func (p *functionPool) callWithStack(ctx context.Context, stack []uint64) error {
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
func (sp *space) beginCall() error {
	if limit := sp.image.maxCalls; sp.calls >= limit {
		return &LimitError{Limit: limitCalls, Value: uint64(limit) + 1, Max: uint64(limit)}
	}
	sp.calls++
	return nil
}

// poolOf returns what calls a function in this group, which the caller is inside.
func (sp *space) poolOf(fn *image.Function) (*functionPool, error) {
	if pool := sp.functions[fn]; pool != nil {
		return pool, nil
	}
	mod := codeOf(fn.Mod).instance
	if inst := sp.instances[fn.Mod]; inst != nil && inst.mod != nil {
		mod = inst.mod
	}
	if mod == nil {
		return nil, &UndefinedSymbolError{Module: fn.Mod.Name, Symbol: fn.Name}
	}
	pool := &functionPool{space: sp, mod: mod, name: fn.Name}
	sp.functions[fn] = pool
	return pool, nil
}

// call calls a function in this group, which the caller is inside.
func (sp *space) call(ctx context.Context, fn *image.Function, args ...uint64) ([]uint64, error) {
	pool, err := sp.poolOf(fn)
	if err != nil {
		return nil, err
	}
	return pool.call(ctx, args)
}

// call1 is call for a function with one result.
func (sp *space) call1(ctx context.Context, fn *image.Function, args ...uint64) (uint64, error) {
	r, err := sp.call(ctx, fn, args...)
	if err != nil {
		return 0, err
	}
	return r[0], nil
}

// caller returns the function that calls function pointers of a signature.
func (sp *space) caller(ctx context.Context, params, results []api.ValueType) (*functionPool,
	error) {
	var room [32]byte // so that finding it takes no memory
	key := append(append(append(room[:0], params...), 0), results...)
	if c := sp.callers[string(key)]; c != nil {
		return c, nil
	}
	t := wasmType(params, results)
	compiled, err := sp.image.callerCode(ctx, t)
	if err != nil {
		return nil, err
	}
	mod, err := sp.image.instantiateIn(ctx, compiled, sp.namespace)
	if err != nil {
		return nil, err
	}
	c := &functionPool{space: sp, mod: mod, name: "call"}
	sp.callers[string(key)] = c
	return c, nil
}

// words returns how many arguments parameters are in wazero's encoding: a vector is two.
func words[T ~byte](params []T) int {
	n := len(params)
	for _, p := range params {
		if p == T(wasm.V128) {
			n++
		}
	}
	return n
}
