package linker

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/dtor"
)

// registerExit is what guests call as __cxa_atexit and atexit. dso is what C calls __dso_handle:
// the beginning of a module's data, as wasm-ld places it. It returns 0, or -1 if there is no module
// to register for, or no room.
func (l *Linker) registerExit(ctx context.Context, h dtor.Handler, dso uint32) int32 {
	act := activationOf(ctx)
	if act == nil {
		return -1
	}
	if act.Replay { // the leader has registered it
		return 0
	}
	if !l.dtors.Add(act.snapshot().ExitOwner(l.shared.Main, h.Pointer, dso), h) {
		return -1
	}
	return 0
}

// undestroyed reports whether handlers of modules, or of groups that Go has spawned, are left.
func (l *Linker) undestroyed() bool {
	return l.dtors.First(l.committed.Load().Order) != nil ||
		slices.ContainsFunc(l.groups.list(),
			func(g *Group) bool { return g.thread == 0 && l.dtors.HasThread(g, nil) })
}

// destroyAll calls the handlers of all groups, then those of all modules, those that were loaded
// last first, in the first group that there is. Groups that cannot be entered, because their guest
// has exited or because the context ends before, are passed over.
func (l *Linker) destroyAll(ctx context.Context) (err error) {
	if err = l.endThreadsOf(ctx, l.groups.list()); isExit(err) {
		return err
	}
	for _, g := range l.groups.list() {
		if l.dtors.First(l.committed.Load().Order) == nil &&
			(l.program.dtors == nil || l.program.ended.Load()) {
			break
		}
		_ = g.inside(ctx, func(ctx context.Context, act *activation) error {
			failed := g.finish(ctx, act)
			err = errors.Join(err, failed)
			if isExit(failed) {
				return g.closeOnExit(act, failed)
			}
			return nil
		})
		if isExit(err) {
			break
		}
	}
	return errors.Join(err, l.dtors.Failure())
}
