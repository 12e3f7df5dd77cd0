package linker

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/guestabi"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// HandleError says that a guest gave the linker something that is not the handle of an open
// library.
type HandleError struct{ Handle uint32 }

// Error implements the error interface.
func (e *HandleError) Error() string {
	return fmt.Sprintf("linker: %#x is not the handle of an open library", e.Handle)
}

// newABI makes the functions by which guests use the linker.
func (l *Linker) newABI() *guestabi.ABI {
	return &guestabi.ABI{Memory: &l.shared.Mem, MaxString: int(l.config.maxString),
		MaxFolders: l.config.maxFolders, Errors: newGuestErrors(), DataArea: l.dataArea,
		Give: func(region uint32) { l.heap.Give(region) }}
}

// newGuestErrors makes what guests are told in the linker's words.
func newGuestErrors() guestabi.Errors {
	names := [...]string{guestabi.LimitString: limitString, guestabi.LimitFolders: limitFolders,
		guestabi.LimitHandles: limitHandles}
	return guestabi.Errors{
		Limit: func(l guestabi.Limit, value, most uint64) error {
			return &LimitError{Limit: names[l], Value: value, Max: most}
		},
		Handle: func(handle uint32) error { return &HandleError{handle} },
		Missing: func(err error) bool {
			return errors.As(err, new(*NotFoundError)) || errors.Is(err, ErrNotLoaded)
		},
		Fatal: func(err error) bool {
			return isExit(err) || errors.Is(err, ErrPoisoned) ||
				errors.Is(err, ErrGroupClosed) || errors.Is(err, ErrClosed)
		},
		Busy: func(err error) bool {
			return errors.Is(err, ErrInOperation) || errors.Is(err, ErrReplay)
		},
		NoMemory: func(err error) bool {
			return errors.As(err, new(*LimitError)) || errors.Is(err, ErrNoMemory)
		},
		NotSupported: func(err error) bool {
			return errors.Is(err, ErrOneGroup) || errors.Is(err, errNoThreadStart)
		},
		WrongPointer: func(err error, pointer uint32) bool {
			wrong := (*PointerError)(nil)
			return errors.As(err, &wrong) && wrong.Pointer == pointer
		},
	}
}

// guestFunctions are the functions of package guestabi for the linker's host module.
func (l *Linker) guestFunctions() (functions []hostFunction) {
	for _, f := range l.abi.Functions(shim.ProvidedPrefix) {
		t := publicType(wasm.FuncType{Params: f.Params, Results: f.Results})
		functions = append(functions, hostFunction{f.Name, t.Params, t.Results,
			guestFunction(func(ctx context.Context, g *Group, mod api.Module, stack []uint64) {
				var caller *image.Module
				if f.Asks {
					caller = g.callerModule(mod)
				}
				g.guest.Process = process{g}
				f.Run(ctx, &g.guest, caller, stack)
			})})
	}
	return functions
}

// callerModule returns the module whose code called a host function directly, or nil.
func (g *Group) callerModule(mod api.Module) *image.Module {
	for m, inst := range g.space.Instances {
		if inst.Mod != nil && inst.Mod == mod {
			return m
		}
	}
	return nil
}

// guestFunction is a host function that needs to know which group calls it.
func guestFunction(
	f func(ctx context.Context, g *Group, mod api.Module, stack []uint64)) api.GoModuleFunc {
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		act := activationOf(ctx)
		if act == nil {
			panic(ErrNoGroup)
		}
		f(ctx, act.group, mod, stack)
	}
}
