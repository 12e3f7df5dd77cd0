package adversary_test

import (
	"context"
	"errors"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// narrow is the signature of all functions of the catalogue.
var (
	narrowParams  = []api.ValueType{api.ValueTypeI32, api.ValueTypeI32}
	narrowResults = []api.ValueType{api.ValueTypeI32}
)

// askIdentity makes a function return its base.
var askIdentity = []uint64{api.EncodeI32(-1), 0}

// target is a symbol that an act looks for, and the handle that it looks through.
func (d *doing) target() (h *handle, through *linker.Library, lib library, name string) {
	h = d.im.handle(d.a.handle)
	if h == nil || d.a.value%3 == 0 { // in the global scope
		lib = d.w.cat.byName[keptName]
		if d.a.value%2 == 1 {
			lib = d.library()
		}
		return nil, linker.Default, lib, lib.function
	}
	lib = d.w.cat.libraryOf(h.name)
	return h, h.lib, lib, lib.function
}

func (d *doing) symbol() error {
	h, through, lib, name := d.target()
	if d.a.value == 1 {
		name = "nobody"
	}
	sure, closed := h.sure(), h != nil && h.closed.Load()
	var r linker.Receipt
	sym, err := d.m.g.Symbol(linker.WithReceipt(d.ctx, &r), through, name)
	if err != nil {
		if sym != (linker.Symbol{}) {
			d.fail("a symbol and an error: %+v, %v", sym, err)
		}
		return d.lookFailed(err, lib, name, h, sure)
	}
	switch {
	case closed && !h.provisional:
		d.fail("%s was found through a handle that was closed before", name)
	case name == "nobody", lib.never && !d.c.operation:
		d.fail("%s was found: %+v", name, sym)
	case sym.Kind != linker.Function || sym.Pointer == 0 || sym.Name != name:
		d.fail("%s is %+v", name, sym)
	default:
		if !d.c.host() {
			d.im.numbered(d.String(), d.before, r)
		}
		p := pointer{slot: sym.Pointer, base: lib.base, handle: h, kept: lib.Name == keptName}
		d.learn(p)
	}
	return nil
}

// learn remembers a pointer that was handed out, and looks what it is elsewhere. One that was
// handed to a constructor is none if the operation fails.
func (d *doing) learn(p pointer) {
	if !d.c.operation {
		d.im.addPointer(p)
		d.everywhere(p)
	}
}

// lookFailed judges a look-up that found nothing. Whatever else there is to its error, judge says.
func (d *doing) lookFailed(err error, lib library, name string, h *handle, sure bool) error {
	var undefined *linker.UndefinedSymbolError
	switch {
	case errors.Is(err, linker.ErrLibraryClosed) && sure && h.sure():
		d.fail("%s: the handle of %s is closed, and nobody has closed it", name, h.name)
	case errors.As(err, &undefined) && name != "nobody" && (h != nil || lib.Name == keptName):
		d.fail("%s is not found in %s", name, lib.Name)
	}
	return err
}

// everywhere calls a pointer that was handed out in some group: it is that function in all of them.
// A task does so with a context that does not end.
func (d *doing) everywhere(p pointer) {
	if d.c.host() || d.c.inside {
		return
	}
	m := d.im.member(d.a.other, 0)
	if m == nil {
		return
	}
	got, err := m.g.CallPointer(d.c.ctx, p.slot, narrowParams, narrowResults, askIdentity...)
	loaded := p.kept || p.handle.sure()
	switch {
	case err == nil && !d.mayBe(api.DecodeI32(got[0]), p.base, loaded):
		d.fail(
			"pointer %d of the function %d is the function %d in group %d",
			p.slot,
			p.base,
			api.DecodeI32(got[0]),
			m.g.ID(),
		)
	case err == nil:
	case isA[*linker.PointerError](err) && loaded:
		d.fail(
			"pointer %d of the function %d is null in group %d: %v",
			p.slot,
			p.base,
			m.g.ID(),
			err,
		)
	case isA[*linker.PointerError](err), m.ended():
	default:
		d.fail("calling pointer %d in group %d: %v", p.slot, m.g.ID(), err)
	}
}

// mayBe tells whether a pointer may be the function that it was found to be. Without a quarantine
// that lasts for ever, an entry of a library that is gone may be any function's.
func (d *doing) mayBe(got, base int32, loaded bool) bool {
	return got == base || !loaded && d.w.p.quarantine != forever
}

func (d *doing) next() error {
	h := d.im.handle(d.a.handle)
	if h == nil {
		return nil
	}
	lib := d.library()
	sym, err := d.m.g.Symbol(d.ctx, linker.Next(h.lib), lib.function)
	switch {
	case err != nil && sym != (linker.Symbol{}):
		d.fail("a symbol and an error: %+v, %v", sym, err)
	case err == nil && lib.never && !d.c.operation:
		d.fail("%s was found: %+v", lib.function, sym)
	}
	return err
}

func (d *doing) call() error {
	h, through, lib, name := d.target()
	sure := h.sure()
	x := int32(d.a.other)
	got, err := d.m.g.Call(d.ctx, through, name, 2, api.EncodeI32(x))
	switch {
	case err != nil && got != nil:
		d.fail("results and an error: %v, %v", got, err)
	case err != nil:
		return d.lookFailed(err, lib, name, h, sure)
	case lib.never && !d.c.operation:
		d.fail("%s was called", name)
	case api.DecodeI32(got[0]) != d.w.cat.result(lib, x):
		d.fail("%s(2, %d) is %d, want %d", name, x, api.DecodeI32(got[0]), d.w.cat.result(lib, x))
	}
	return nil
}

func (d *doing) callPointer() error {
	p, ok := d.im.pointer(d.a.handle)
	if !ok {
		return nil
	}
	got, err := d.m.g.CallPointer(d.ctx, p.slot, narrowParams, narrowResults, askIdentity...)
	loaded := p.kept || p.handle.sure()
	switch {
	case err != nil && got != nil:
		d.fail("results and an error: %v, %v", got, err)
	case err == nil && !d.mayBe(api.DecodeI32(got[0]), p.base, loaded):
		d.fail(
			"pointer %d of the function %d is the function %d",
			p.slot,
			p.base,
			api.DecodeI32(got[0]),
		)
	case isA[*linker.PointerError](err) && !loaded:
		return nil
	}
	return err
}

// guestSymbol lets the guest look a symbol up. A dlsym that fails returns null.
func (d *doing) guestSymbol() error {
	name := guestNames[d.a.name%len(guestNames)]
	got, err := d.m.g.Call(d.ctx, linker.Default, "dlfcn_symbol", 0, uint64(d.im.names[name]))
	if err != nil {
		return err
	}
	slot := uint32(got[0])
	switch {
	case name == "nobody" && slot != 0:
		d.fail("dlsym(%s) is %d", name, slot)
	case slot != 0:
		i := slices.IndexFunc(d.w.cat.all(), func(l library) bool { return l.function == name })
		lib := d.w.cat.all()[i]
		p := pointer{slot: slot, base: lib.base, kept: lib.Name == keptName}
		d.learn(p)
	}
	return nil
}

// guestMalloc lets the guest's heap grow: what it gets stays.
func (d *doing) guestMalloc() error {
	d.im.grows.Store(true)
	got, err := d.m.g.Call(d.ctx, linker.Default, "malloc", uint64(1+d.a.value)<<12)
	if err == nil && got[0] == 0 {
		d.fail("the guest's heap is full")
	}
	return err
}

// foreign uses a handle of another image, or one that is none.
func (d *doing) foreign() error {
	var lib *linker.Library
	other := d.w.image(d.a.image + 1)
	if other != d.im {
		if h := other.handle(d.a.handle); h != nil {
			lib = h.lib
		}
	}
	want := linker.ErrForeignLibrary
	err := d.m.g.CloseLibrary(d.ctx, lib)
	if err == nil {
		d.fail("a foreign handle was closed")
	}
	if lib == nil {
		return nil // the error is of a kind of its own
	}
	if _, err := d.m.g.Symbol(d.ctx, lib, "kept_f"); err == nil {
		d.fail("a symbol was found through a foreign handle")
	}
	if errors.Is(err, want) {
		return nil
	}
	return err
}

// outside asks for what only a guest's host function can have.
func (d *doing) outside() error {
	if d.c.host() {
		return nil
	}
	ran := false
	err := errors.Join(
		d.m.g.Block(context.Background(), func() { ran = true }),
		d.m.g.Safepoint(d.ctx),
	)
	if !errors.Is(err, linker.ErrNoGroup) || ran {
		d.fail("Block and Safepoint outside of a call: %v", err)
	}
	return nil
}
