package linker

import (
	"context"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/guestabi"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Handles that are no library's, as C has them.
const (
	handleDefault = 0          // RTLD_DEFAULT
	handleNext    = 0xffffffff // RTLD_NEXT
)

// process is a group as its guest sees it. It implements guestabi.Process.
type process struct{ g *Group }

// Open implements guestabi.Process.
func (p process) Open(ctx context.Context, name string, mode guestabi.Mode,
	caller *image.Module) (uint32, error) {
	l := p.g.l
	if name == "" {
		return l.shared.Main.ID, nil
	}
	if err := l.dlHandles.Room(); err != nil {
		return 0, err
	}
	options := []OpenOption{Lazy, Local} // what C means by no flags
	for _, o := range []struct {
		set    bool
		option OpenOption
	}{{mode.Now, Now}, {mode.Global, Global}, {mode.NoLoad, NoLoad}, {mode.NoDelete, NoDelete}} {
		if o.set {
			options = append(options, o.option)
		}
	}
	lib, err := p.g.openLibrary(ctx, name, nil, caller, options)
	if err != nil {
		return 0, err
	}
	l.dlHandles.Add(lib.mod.ID, guestLibrary{lib})
	return lib.mod.ID, nil
}

// Symbol implements guestabi.Process.
func (p process) Symbol(ctx context.Context, handle uint32, name string,
	caller *image.Module) (uint32, error) {
	l := p.g.l
	lib := Default
	switch {
	case handle == handleNext && caller == nil:
		return 0, fmt.Errorf("linker: RTLD_NEXT, by code of no module: %w", &HandleError{handle})
	case handle == handleNext && caller == l.shared.Main:
		lib = Next(Default)
	case handle == handleDefault && caller != nil && caller != l.shared.Main:
		lib = &Library{linker: l, mod: caller, scope: true}
	case handle == handleNext:
		lib = Next(&Library{linker: l, mod: caller})
	case handle != handleDefault && handle != l.shared.Main.ID:
		found, err := l.dlHandles.Find(handle)
		if err != nil {
			return 0, err
		}
		lib = found.Library
	}
	sym, err := p.g.Symbol(ctx, lib, name)
	if err != nil {
		return 0, err
	}
	return sym.Pointer, nil
}

// Close implements guestabi.Process.
func (p process) Close(ctx context.Context, handle uint32) error {
	if handle == p.g.l.shared.Main.ID {
		return nil
	}
	lib, err := p.g.l.dlHandles.Take(handle)
	if err != nil {
		return err
	}
	if err = p.g.CloseLibrary(ctx, lib.Library); err != nil && !lib.givenUp() {
		p.g.l.dlHandles.Add(lib.mod.ID, lib)
	}
	return err
}

// IsOpen implements guestabi.Process.
func (p process) IsOpen(handle uint32) bool {
	_, err := p.g.l.dlHandles.Find(handle)
	return err == nil || handle == p.g.l.shared.Main.ID
}

// AllocateClosure implements guestabi.Process.
func (p process) AllocateClosure(ctx context.Context) (uint32, error) {
	return p.g.AllocateClosure(ctx)
}

// PrepareClosure implements guestabi.Process.
func (p process) PrepareClosure(ctx context.Context, slot uint32, tr image.Trampoline) error {
	return p.g.prepareClosure(ctx, slot, tr)
}

// FreeClosure implements guestabi.Process.
func (p process) FreeClosure(ctx context.Context, slot uint32) error {
	return p.g.FreeClosure(ctx, slot)
}

// Call implements guestabi.Process.
func (p process) Call(ctx context.Context, t wasm.FuncType, pointer uint32,
	args []uint64) ([]uint64, error) {
	typ := publicType(t)
	return p.g.CallPointer(ctx, pointer, typ.Params, typ.Results, args...)
}

// Caller implements guestabi.Process.
func (p process) Caller(ctx context.Context, t wasm.FuncType) (guestabi.Caller, error) {
	typ := publicType(t)
	c, err := p.g.space.Caller(ctx, typ.Params, typ.Results)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Snapshot implements guestabi.Process.
func (p process) Snapshot(ctx context.Context) *image.Snapshot {
	return activationOf(ctx).snapshot()
}

// Committed implements guestabi.Process.
func (p process) Committed() *image.Snapshot { return p.g.l.committed.Load() }

// Locate implements guestabi.Process. Function pointers and addresses are both small integers; one
// that is a known function's pointer is taken for that.
func (p process) Locate(pointer uint32) (guestabi.Location, bool) {
	l := p.g.l
	a, ok := l.Addr(pointer, Function)
	if !ok || a.Symbol == "" {
		if d, isData := l.Addr(pointer, Data); isData {
			a, ok = d, true
		}
	}
	m := l.committed.Load().Named(a.Module)
	return guestabi.Location{Module: m, File: a.File, Symbol: a.Symbol, Pointer: a.Pointer},
		ok && m != nil
}

// Take implements guestabi.Process.
func (p process) Take(ctx context.Context, size, align uint32) (uint32, error) {
	return p.g.l.heap.Take(ctx, heapGuest(p), size, align)
}

// Own implements guestabi.Process.
func (p process) Own(region uint32) { p.g.l.heap.Own(heapGuest(p), region) }

// Spawn implements guestabi.Process.
func (p process) Spawn(ctx context.Context, argument uint32) (int32, error) {
	return p.g.threadSpawn(ctx, argument)
}
