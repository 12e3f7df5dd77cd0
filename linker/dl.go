package linker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// HandleError says that a guest gave the linker something that is not the handle of an open
// library.
type HandleError struct{ Handle uint32 }

// Error implements the error interface.
func (e *HandleError) Error() string {
	return fmt.Sprintf("linker: %#x is not the handle of an open library", e.Handle)
}

// Handles that are no library's, as C has them.
const (
	handleDefault = 0          // RTLD_DEFAULT
	handleNext    = 0xffffffff // RTLD_NEXT
)

// room returns an error if no more may be opened.
func (o *guestLibraries) room() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count < o.most {
		return nil
	}
	for handle := range o.open {
		o.prune(handle)
	}
	if o.count < o.most {
		return nil
	}
	return &LimitError{Limit: limitHandles, Value: uint64(o.count) + 1, Max: uint64(o.most)}
}

// add notes a library that a guest opened, and returns the guest's handle.
func (o *guestLibraries) add(lib *Library) uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open = map[uint32][]*Library{}
	}
	handle := lib.mod.ID
	o.open[handle] = append(o.open[handle], lib)
	o.count++
	return handle
}

// prune forgets what was opened by operations that failed in the end.
func (o *guestLibraries) prune(handle uint32) {
	before := len(o.open[handle])
	o.keep(handle, before, slices.DeleteFunc(o.open[handle], (*Library).gone))
}

// keep sets what is open under a handle, of which there were some.
func (o *guestLibraries) keep(handle uint32, before int, libs []*Library) {
	o.count -= before - len(libs)
	if len(libs) == 0 {
		delete(o.open, handle)
		return
	}
	o.open[handle] = libs
}

// last returns what was opened last under a handle, nil for nothing. What was opened by an
// operation that failed in the end is forgotten on the way, so that each costs one look.
func (o *guestLibraries) last(handle uint32) *Library {
	libs := o.open[handle]
	n := len(libs)
	for n > 0 && libs[n-1].gone() {
		n--
	}
	o.keep(handle, len(libs), libs[:n])
	if n == 0 {
		return nil
	}
	return libs[n-1]
}

// find returns a library by its handle.
func (o *guestLibraries) find(handle uint32) (*Library, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if lib := o.last(handle); lib != nil {
		return lib, nil
	}
	return nil, &HandleError{handle}
}

// take returns one opening of a library, for it to be closed, and forgets it.
func (o *guestLibraries) take(handle uint32) (*Library, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	lib := o.last(handle)
	if lib == nil {
		return nil, &HandleError{handle}
	}
	libs := o.open[handle]
	o.keep(handle, len(libs), libs[:len(libs)-1])
	return lib, nil
}

// openMode is what a guest asks for when it opens a library: the flags of dlopen.
type openMode struct{ now, noLoad, global, noDelete bool }

func (m openMode) options() []OpenOption {
	options := []OpenOption{Lazy, Local} // what C means by no flags
	for _, o := range []struct {
		set    bool
		option OpenOption
	}{{m.now, Now}, {m.global, Global}, {m.noLoad, NoLoad}, {m.noDelete, NoDelete}} {
		if o.set {
			options = append(options, o.option)
		}
	}
	return options
}

// guestOpen is dlopen. An empty name is the image itself. A name without a slash is looked for in
// dirs first, then, as ld.so does it, in the run-time path of the library that calls; caller is nil
// when that is not known.
func (g *Group) guestOpen(ctx context.Context, name string, mode openMode, caller *image.Module,
	dirs ...string) (uint32, error) {
	if name == "" {
		return g.l.shared.Main.ID, nil
	}
	if err := g.l.guest.room(); err != nil {
		return 0, err
	}
	if !strings.Contains(name, "/") {
		if n, limit := len(dirs), g.l.config.maxFolders; n > limit {
			return 0, &LimitError{Limit: limitFolders, Value: uint64(n), Max: uint64(limit)}
		}
		for _, dir := range dirs {
			handle, err := g.guestOpen(ctx, dir+"/"+name, mode, nil)
			if missing := (*NotFoundError)(nil); err == nil || !errors.As(err, &missing) &&
				!errors.Is(err, ErrNotLoaded) {
				return handle, err
			}
		}
	}
	lib, err := g.openLibrary(ctx, name, nil, caller, mode.options())
	if err != nil {
		return 0, err
	}
	return g.l.guest.add(lib), nil
}

// guestSymbol is dlsym; caller is the module that asks, nil if it is unknown.
func (g *Group) guestSymbol(ctx context.Context, handle uint32, name string,
	caller *image.Module) (uint32, error) {
	lib, err := Default, error(nil)
	switch {
	case handle == handleNext && caller == nil:
		return 0, fmt.Errorf("linker: RTLD_NEXT, by code of no module: %w", &HandleError{handle})
	case handle == handleNext && caller == g.l.shared.Main:
		lib = Next(Default)
	case handle == handleDefault && caller != nil && caller != g.l.shared.Main:
		lib = &Library{linker: g.l, mod: caller, scope: true}
	case handle == handleNext:
		lib = Next(&Library{linker: g.l, mod: caller})
	case handle != handleDefault && handle != g.l.shared.Main.ID:
		if lib, err = g.l.guest.find(handle); err != nil {
			return 0, err
		}
	}
	sym, err := g.Symbol(ctx, lib, name)
	if err != nil {
		return 0, err
	}
	return sym.Pointer, nil
}

// guestClose is dlclose.
func (g *Group) guestClose(ctx context.Context, handle uint32) error {
	if handle == g.l.shared.Main.ID {
		return nil
	}
	lib, err := g.l.guest.take(handle)
	if err != nil {
		return err
	}
	if err = g.CloseLibrary(ctx, lib); err != nil && !lib.givenUp() {
		g.l.guest.add(lib)
	}
	return err
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
