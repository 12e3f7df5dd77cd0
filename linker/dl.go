package linker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"
)

// HandleError says that a guest gave the linker something that is not the handle of an open library.
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

// guestLibraries are the libraries that guests have open. A handle is the number of its module, which no other module
// has or had, so that a stale one is never somebody else's. The main module's is that of the whole image.
type guestLibraries struct {
	mu   sync.Mutex
	open map[uint32][]*Library // one for each dlopen that no dlclose has answered
}

// add notes a library that a guest opened, and returns the guest's handle.
func (o *guestLibraries) add(lib *Library) uint32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open == nil {
		o.open = map[uint32][]*Library{}
	}
	handle := lib.mod.id
	o.open[handle] = append(o.live(handle), lib)
	return handle
}

// live returns what is open under a handle, and forgets what was opened by an operation that failed
// in the end.
func (o *guestLibraries) live(handle uint32) []*Library {
	libs := slices.DeleteFunc(o.open[handle], (*Library).isClosed)
	if len(libs) == 0 {
		delete(o.open, handle)
		return nil
	}
	o.open[handle] = libs
	return libs
}

// find returns a library by its handle.
func (o *guestLibraries) find(handle uint32) (*Library, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if libs := o.live(handle); len(libs) > 0 {
		return libs[0], nil
	}
	return nil, &HandleError{handle}
}

// take returns one opening of a library, for it to be closed, and forgets it.
func (o *guestLibraries) take(handle uint32) (*Library, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	libs := o.live(handle)
	switch n := len(libs); n {
	case 0:
		return nil, &HandleError{handle}
	case 1:
		delete(o.open, handle)
		return libs[0], nil
	default:
		o.open[handle] = libs[:n-1]
		return libs[n-1], nil
	}
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
func (g *Group) guestOpen(ctx context.Context, name string, mode openMode, caller *module, dirs ...string) (uint32, error) {
	if name == "" {
		return g.l.main.id, nil
	}
	if !strings.Contains(name, "/") {
		for _, dir := range dirs {
			handle, err := g.guestOpen(ctx, dir+"/"+name, mode, nil)
			if missing := (*NotFoundError)(nil); err == nil || !errors.As(err, &missing) && !errors.Is(err, ErrNotLoaded) {
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

// guestSymbol is dlsym; caller is the module that asks, nil when nobody knows.
func (g *Group) guestSymbol(ctx context.Context, handle uint32, name string, caller *module) (uint32, error) {
	lib, err := Default, error(nil)
	switch {
	case handle == handleNext && caller == nil:
		return 0, fmt.Errorf("linker: RTLD_NEXT, by code of no module: %w", &HandleError{handle})
	case handle == handleNext && caller == g.l.main:
		lib = Next(Default)
	case handle == handleDefault && caller != nil && caller != g.l.main:
		lib = &Library{linker: g.l, mod: caller, scope: true}
	case handle == handleNext:
		lib = Next(&Library{linker: g.l, mod: caller})
	case handle != handleDefault && handle != g.l.main.id:
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
	if handle == g.l.main.id {
		return nil
	}
	lib, err := g.l.guest.take(handle)
	if err != nil {
		return err
	}
	if err = g.CloseLibrary(ctx, lib); err != nil && !lib.closed.Load() {
		g.l.guest.add(lib)
	}
	return err
}

// callerModule returns the module whose code called a host function directly, or nil.
func (g *Group) callerModule(mod api.Module) *module {
	for m, inst := range g.instances {
		if inst.mod != nil && inst.mod == mod {
			return m
		}
	}
	return nil
}

// fatal panics with errors that a guest is not to survive: it, or the image, has come to its end.
func fatal(err error) {
	var exit *sys.ExitError
	if errors.As(err, &exit) || errors.Is(err, ErrPoisoned) || errors.Is(err, ErrGroupClosed) || errors.Is(err, ErrClosed) {
		panic(err)
	}
}

// cString returns the string of C at an address; ok is false when it does not end inside the memory.
func (m *imageMemory) cString(address uint32) (s string, ok bool) {
	all := m.bytes()
	if uint64(address) >= uint64(len(all)) {
		return "", false
	}
	n := bytes.IndexByte(all[address:], 0)
	if n < 0 {
		return "", false
	}
	return string(all[address : uint64(address)+uint64(n)]), true
}

// string returns the n bytes at an address as a string.
func (m *imageMemory) string(address, n uint32) (s string, ok bool) {
	b, ok := m.at(address, n)
	return string(b), ok
}
