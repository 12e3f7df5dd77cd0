package linker

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/dtor"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// destroy calls the handlers of a module in reverse order of registration, each once. One that
// traps does not keep the others from being called; a guest that exits does.
func (g *Group) destroy(ctx context.Context, m *image.Module) error {
	var errs []error
	for {
		h, ok := g.l.dtors.Pop(g, m)
		if !ok {
			return errors.Join(errs...)
		}
		err := g.callExit(ctx, h)
		if err == nil {
			continue
		}
		errs = append(errs, &DestructorError{Module: m.Name, Pointer: h.Pointer, Err: err})
		if isExit(err) {
			return errors.Join(errs...)
		}
	}
}

// callExit calls a destructor that was taken out of the registry.
func (g *Group) callExit(ctx context.Context, h dtor.Handler) error {
	defer g.l.dtors.Done(g)
	var params []api.ValueType
	var args []uint64
	if !h.Plain {
		params, args = []api.ValueType{api.ValueTypeI32}, []uint64{uint64(h.Argument)}
	}
	c, err := g.space.Caller(ctx, params, nil)
	if err == nil {
		_, err = c.Call(ctx, append(args, uint64(h.Pointer)))
	}
	return asPointerError(h.Pointer, err)
}

// DestructorError says that a destructor of a library trapped, or that the guest exited in it.
type DestructorError struct {
	Module  string
	Pointer uint32 // the function pointer of the destructor
	Err     error
}

// Error implements the error interface.
func (e *DestructorError) Error() string {
	return fmt.Sprintf("linker: module %s: destructor %d: %s", text.Name(e.Module), e.Pointer,
		inner(e.Err))
}

// Unwrap returns the trap, or a *sys.ExitError.
func (e *DestructorError) Unwrap() error { return e.Err }

// destroyThread calls the destructors that are registered in this group, of some modules or of all
// if modules is nil, the last one first, also those that are registered meanwhile. One that traps
// does not keep the others from being called; a guest that exits does, and so does the end of the
// group.
func (g *Group) destroyThread(ctx context.Context, modules []*image.Module) error {
	late, end := g.l.dtors.BeginLate(g.l.config.maxLate)
	defer end()
	g.l.dtors.Count(late, nil, g)
	var errs []error
	for g.cause.Load() == nil {
		h, ok := g.l.dtors.PopThread(g, modules)
		if !ok {
			break
		}
		err := g.callExit(ctx, h.Handler)
		if err == nil {
			continue
		}
		errs = append(errs, &DestructorError{Module: h.Mod.Name, Pointer: h.Pointer, Err: err})
		if isExit(err) {
			break
		}
	}
	return errors.Join(errs...)
}
