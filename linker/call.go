package linker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Call calls a function by name and returns its results. lib is [Default] or the library to look
// in, with what that needs. Arguments are encoded as wazero's api.Function wants them. A guest that
// traps gives an error and the group lives on, unless [Config.WithTrapClosesGroup] says otherwise;
// a guest that exits closes its group, and the error is a *sys.ExitError.
//
// A host function may call into another group than the one that it is called from. Two groups that
// do so to each other at the same time wait for each other, as two mutexes do; a context with a
// deadline ends that.
func (g *Group) Call(ctx context.Context, lib *Library, name string, args ...uint64) ([]uint64,
	error) {
	var results []uint64
	err := g.inside(ctx, func(ctx context.Context, e *entry) error {
		// at the end, for a guest that calls the linker gets the same context
		defer receive(ctx, 0, e.scope().commit)
		fn, err := e.function(lib, name)
		if err != nil {
			return err
		}
		if len(args) != words(fn.typ.Params) {
			return &SymbolError{Symbol: name, Definer: fn.mod.name, Want: fn.typ.String(),
				Found: countOf(len(args), "argument")}
		}
		results, err = g.call(ctx, fn, args...)
		return g.judge(e, g.exiting(ctx, e, err))
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// CallPointer calls a function pointer as C does: params and results are the signature that the
// caller takes it for, and a function of another signature, or none at all, is a *PointerError.
func (g *Group) CallPointer(ctx context.Context, pointer uint32, params, results []api.ValueType,
	args ...uint64) ([]uint64, error) {
	if len(args) != words(params) {
		return nil, &PointerError{Pointer: pointer,
			Reason: fmt.Sprintf("%d arguments for the type %v", len(args),
				wasmType(params, results))}
	}
	var values []uint64
	err := g.inside(ctx, func(ctx context.Context, e *entry) error {
		c, err := g.caller(ctx, params, results)
		if err != nil {
			return err
		}
		values, err = c.call(ctx, slices.Concat(args, []uint64{uint64(pointer)}))
		return g.judge(e, g.exiting(ctx, e, asPointerError(pointer, err)))
	})
	if err != nil {
		return nil, err
	}
	return values, nil
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

// judge decides what an error of the guest means for its group.
func (g *Group) judge(e *entry, err error) error {
	if err == nil || e.tx != nil {
		return err
	}
	var exit *sys.ExitError
	if !errors.As(err, &exit) && (!g.l.config.trapCloses || !isTrap(err)) {
		return err
	}
	if exit != nil && !g.engineClosed() {
		g.l.end(g, err)
	} else {
		g.die(err)
	}
	return err
}

// asPointerError recognises that a function pointer itself was wrong: the call of it trapped, and
// it is the only function on the guest's stack. wazero has no exported errors for these traps.
func asPointerError(pointer uint32, err error) error {
	if err == nil {
		return nil
	}
	trap, stack, _ := strings.Cut(err.Error(), "\nwasm stack trace:")
	if strings.Count(stack, "\n\t") != 1 {
		return err
	}
	for _, reason := range []string{"invalid table access", "indirect call type mismatch"} {
		if trap == "wasm error: "+reason {
			return &PointerError{Pointer: pointer, Reason: reason, Err: err}
		}
	}
	return err
}

// isTrap reports whether an error comes out of the guest, and not out of the linker's own checks.
func isTrap(err error) bool {
	var own *PointerError
	return !errors.As(err, &own)
}

// call calls a function in this group, which the caller is inside.
func (g *Group) call(ctx context.Context, fn *function, args ...uint64) ([]uint64, error) {
	pool, err := g.poolOf(fn)
	if err != nil {
		return nil, err
	}
	return pool.call(ctx, args)
}

// poolOf returns what calls a function in this group, which the caller is inside.
func (g *Group) poolOf(fn *function) (*functionPool, error) {
	if pool := g.functions[fn]; pool != nil {
		return pool, nil
	}
	mod := fn.mod.instance
	if inst := g.instances[fn.mod]; inst != nil && inst.mod != nil {
		mod = inst.mod
	}
	if mod == nil {
		return nil, &UndefinedSymbolError{Module: fn.mod.name, Symbol: fn.name}
	}
	pool := &functionPool{group: g, mod: mod, name: fn.name}
	g.functions[fn] = pool
	return pool, nil
}

// call1 is call for a function with one result.
func (g *Group) call1(ctx context.Context, fn *function, args ...uint64) (uint64, error) {
	r, err := g.call(ctx, fn, args...)
	if err != nil {
		return 0, err
	}
	return r[0], nil
}

// functionPool keeps api.Functions of one exported function: making one is costly, and each serves
// one call at a time, which matters when a function is called again from within itself, through the
// host.
type functionPool struct {
	group *Group
	mod   api.Module
	name  string
	// They belong to whom the group belongs: see Group.
	free []api.Function
	gone bool // the module was taken out of the group
}

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
	if err := p.group.beginCall(); err != nil {
		return nil, err
	}
	f := p.take()
	mark := p.group.stackMark()
	results, err := f.Call(ctx, args...)
	p.group.calls--
	if err != nil {
		p.group.stackReset(mark)
	}
	p.free = append(p.free, f)
	return results, err
}

// callWithStack is call without taking memory: the stack holds the arguments, and then the results.
func (p *functionPool) callWithStack(ctx context.Context, stack []uint64) error {
	if err := p.group.beginCall(); err != nil {
		return err
	}
	f := p.take()
	mark := p.group.stackMark()
	err := f.CallWithStack(ctx, stack)
	p.group.calls--
	if err != nil {
		p.group.stackReset(mark)
	}
	p.free = append(p.free, f)
	return err
}

// beginCall counts a call, unless there are too many within each other: Go ends the process when
// its stack is too large.
func (g *Group) beginCall() error {
	if limit := g.l.config.maxCalls; g.calls >= limit {
		return &LimitError{Limit: limitCalls, Value: uint64(limit) + 1, Max: uint64(limit)}
	}
	g.calls++
	return nil
}

// caller returns the function that calls function pointers of a signature.
func (g *Group) caller(ctx context.Context, params, results []api.ValueType) (*functionPool,
	error) {
	var room [32]byte // so that finding it takes no memory
	key := append(append(append(room[:0], params...), 0), results...)
	if c := g.callers[string(key)]; c != nil {
		return c, nil
	}
	t := wasmType(params, results)
	compiled, err := g.l.callerCode(ctx, t)
	if err != nil {
		return nil, err
	}
	mod, err := g.l.instantiateIn(ctx, compiled, g.namespace)
	if err != nil {
		return nil, err
	}
	c := &functionPool{group: g, mod: mod, name: "call"}
	g.callers[string(key)] = c
	return c, nil
}

// signatureRoom returns an error if there is code for as many signatures as there may be.
func (l *Linker) signatureRoom(n int) error {
	if limit := l.config.maxSignatures; n >= limit {
		return &LimitError{Limit: limitSignatures, Value: uint64(n) + 1, Max: uint64(limit)}
	}
	return nil
}

// ofDestructor reports whether a signature is one that destructors have. These are called whatever
// the limit is.
func ofDestructor(t wasm.FuncType) bool {
	return len(t.Results) == 0 &&
		(len(t.Params) == 0 || len(t.Params) == 1 && t.Params[0] == wasm.I32)
}

// callerCode compiles the caller of a signature, once for all groups.
func (l *Linker) callerCode(ctx context.Context, t wasm.FuncType) (wazero.CompiledModule, error) {
	l.callersMu.Lock()
	defer l.callersMu.Unlock()
	if c := l.callers[t.Key()]; c != nil {
		return c, nil
	}
	if err := l.signatureRoom(len(l.callers)); err != nil && !ofDestructor(t) {
		return nil, err
	}
	bytes, err := buildCaller(t)
	if err != nil {
		return nil, err
	}
	c, err := codecache.Compile(ctx, l.rt, bytes)
	if err != nil {
		return nil, err
	}
	l.callers[t.Key()] = c
	return c, nil
}
