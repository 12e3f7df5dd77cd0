package linker

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/dtor"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
)

// threadExitFunction is a function of C++ (destructor, object, dso) that registers a destructor of
// thread-local data.
func (l *Linker) threadExitFunction(name string) hostFunction {
	i32 := api.ValueTypeI32
	return hostFunction{shim.ProvidedPrefix + name, []api.ValueType{i32, i32, i32},
		[]api.ValueType{i32},
		func(ctx context.Context, _ api.Module, stack []uint64) {
			h := dtor.Handler{Pointer: uint32(stack[0]), Argument: uint32(stack[1])}
			stack[0] = api.EncodeI32(l.registerThreadExit(ctx, h, uint32(stack[2])))
		}}
}

// registerThreadExit is what guests call as __cxa_thread_atexit and __cxa_thread_atexit_impl. It
// returns 0, or -1 if there is no group to register in. Unlike what belongs to a module, this is
// registered by every group for itself, in a replay too.
func (l *Linker) registerThreadExit(ctx context.Context, h dtor.Handler, dso uint32) int32 {
	act := activationOf(ctx)
	if act == nil {
		return -1
	}
	d := dtor.ThreadHandler[*image.Module]{Handler: h, Mod: act.snapshot().ExitOwner(l.shared.Main,
		h.Pointer, dso)}
	ended := func() bool { return act.group.cause.Load() != nil }
	if !l.dtors.AddThread(act.group, d, ended) {
		return -1
	}
	return 0
}

// endThread does what the normal end of a group demands: its destructors run, and then libraries
// are unloaded that stayed loaded for them alone. A guest that exits in one has ended the group.
func (g *Group) endThread(ctx context.Context, act *activation) error {
	if !g.l.dtors.HasThread(g, nil) {
		return nil
	}
	destroyed := g.destroyThread(ctx, nil)
	if isExit(destroyed) {
		return g.closeOnExit(act, destroyed)
	}
	if len(g.l.committed.Load().Unused(g.l.dtors.HeldBesides(g), nil)) == 0 {
		return destroyed
	}
	return errors.Join(destroyed, g.unload(ctx, act, nil))
}

// endThreadsOf ends groups that Go has spawned, as the closing of the linker does with all of them:
// those of guests' threads are cut short. Groups that cannot be entered are passed over.
func (l *Linker) endThreadsOf(ctx context.Context, groups []*Group) (err error) {
	for _, g := range groups {
		if g.thread != 0 || !l.dtors.HasThread(g, nil) {
			continue
		}
		_ = g.inside(ctx, func(ctx context.Context, act *activation) error {
			destroyed := g.destroyThread(ctx, nil)
			err = errors.Join(err, destroyed)
			if isExit(destroyed) {
				return g.closeOnExit(act, destroyed)
			}
			return nil
		})
		if isExit(err) {
			break
		}
	}
	return err
}
