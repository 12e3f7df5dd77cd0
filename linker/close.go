package linker

import (
	"context"
	"errors"
	"slices"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/internal/presence"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
)

// Close closes all groups and releases what the image has in the runtime. First it runs the
// destructors of thread-local data, in every group that Go has spawned. Then, in the first group
// that there is, it runs the functions that are registered with the main module's C library (unless
// the program has exited) and the destructors of the libraries that are still loaded, and flushes
// streams. Destructors that trap are part of the error, as [*DestructorError]. Then it waits until
// no goroutine is inside a group; new calls fail with ErrClosed meanwhile. With
// [Config.WithLoopSafepoints] it ends guests that compute, first of all. The runtime stays open.
//
// Last of all Close stops what is still being compiled and waits until the engine has stopped: for
// one function, or for a library if [Config.WithCompilers] allows one worker only. If its context
// ends before, the error is [ErrCompiling]: all the rest is done, and another Close waits again.
func (l *Linker) Close(ctx context.Context) error {
	switch act, err := ownActivation(ctx); {
	case err != nil:
		return err
	case act != nil:
		return ErrInOperation
	}
	if l.closed.Load() {
		return l.shared.Cache.Settle(ctx)
	}
	defer l.beginClosing()()
	destroyed := l.destroyAll(presence.Uncancellable(ctx))
	if err := ctx.Err(); err != nil && l.undestroyed() {
		return errors.Join(err, destroyed)
	}
	if !l.closed.CompareAndSwap(false, true) {
		return destroyed
	}
	if err := l.endThreads(ctx); err != nil {
		l.closed.Store(false)
		return err
	}
	if err := l.closeAll(ctx); err != nil {
		l.closed.Store(false)
		return errors.Join(destroyed, err)
	}
	return errors.Join(destroyed, l.closeShared(ctx))
}

// closeShared releases what does not belong to any group.
func (l *Linker) closeShared(ctx context.Context) error {
	var errs []error
	modules := l.state.snapshot.Order
	for _, m := range slices.Backward(modules) {
		space.CodeOf(m).Close(ctx)
	}
	for _, m := range l.hostShims {
		if space.CodeOf(m).Instance != nil {
			errs = append(errs, space.CodeOf(m).Instance.Close(ctx))
		}
		space.CodeOf(m).Close(ctx)
	}
	for _, c := range l.callers {
		errs = append(errs, c.Close(ctx))
	}
	for _, c := range l.trampolines {
		errs = append(errs, c.Close(ctx))
	}
	for _, c := range []wazero.CompiledModule{l.shared.BaseCode, l.shared.TableCode, l.memoryCode,
		l.waitHooks.Filler, l.loopHooks.Filler, l.stubHooks.Filler} {
		if c != nil {
			errs = append(errs, c.Close(ctx))
		}
	}
	if l.host != nil {
		space.CodeOf(l.host).Close(ctx)
	}
	for _, m := range append(slices.Clone(l.hosts), l.memoryRoot) {
		if m != nil {
			errs = append(errs, m.Close(ctx))
		}
	}
	for _, c := range l.hostCodes {
		errs = append(errs, c.Close(ctx))
	}
	errs = append(errs, l.shared.Cache.Close(ctx))
	l.shared.Mem.Release()
	return errors.Join(errs...)
}

// closeAll makes every group a dying one and releases it, in the order of the list. It waits for
// the goroutines that are inside, and ends with the context.
func (l *Linker) closeAll(ctx context.Context) error {
	for {
		groups := l.groups.list()
		if len(groups) == 0 {
			return nil
		}
		for _, g := range groups {
			if err := l.closeGroup(ctx, g); err != nil {
				return err
			}
		}
	}
}
