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
func (g *Group) Call(ctx context.Context, lib *Library, name string, args ...uint64) ([]uint64,
	error) {
	var results []uint64
	err := g.inside(ctx, func(ctx context.Context, e *entry) error {
		// at the end, for a guest that calls the linker gets the same context
		defer receive(ctx, 0, e.scope().Commit)
		fn, err := e.function(lib, name)
		if err != nil {
			return err
		}
		if len(args) != words(fn.Type.Params) {
			return &SymbolError{Symbol: name, Definer: fn.Mod.Name, Want: fn.Type.String(),
				Found: countOf(len(args), "argument")}
		}
		results, err = g.space.Call(ctx, fn, args...)
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
				image.WasmType(params, results))}
	}
	var values []uint64
	err := g.inside(ctx, func(ctx context.Context, e *entry) error {
		c, err := g.space.Caller(ctx, params, results)
		if err != nil {
			return err
		}
		values, err = c.Call(ctx, slices.Concat(args, []uint64{uint64(pointer)}))
		return g.judge(e, g.exiting(ctx, e, asPointerError(pointer, err)))
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}
