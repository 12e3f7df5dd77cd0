package adversary_test

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// prepare looks a function up for many calls. Tasks share what comes of it.
func (d *doing) prepare() error {
	h, through, lib, name := d.target()
	sure := h.sure()
	f, err := d.m.g.Func(d.ctx, through, name)
	switch {
	case err != nil && f != nil:
		d.fail("a function and an error: %v", err)
	case err != nil:
		return d.lookFailed(err, lib, name, h, sure)
	case f.Group() != d.m.g || f.Name() != name || f.Type().String() != "(i32, i32) -> (i32)":
		d.fail("%s is %s of group %d, %v", name, f.Name(), f.Group().ID(), f.Type())
	case lib.never && !d.c.operation:
		d.fail("%s was found", name)
	case !d.c.operation:
		d.im.addPrepared(&prepared{f: f, member: d.m, lib: lib, handle: h})
	}
	return nil
}

// callPrepared calls such a function. It is that one, or an error, for ever.
func (d *doing) callPrepared() error {
	p := d.im.preparedIn(d.m, d.a.handle)
	if p == nil {
		return nil
	}
	d.m = p.member
	kept := p.lib.Name == keptName || p.handle.sure()
	got, err := []uint64(nil), error(nil)
	if d.a.value%2 == 0 {
		got, err = p.f.Call(d.ctx, askIdentity...)
	} else {
		stack := []uint64{askIdentity[0], askIdentity[1]}
		if err = p.f.CallWithStack(d.ctx, stack); err == nil {
			got = stack[:1]
		}
	}
	switch {
	case err != nil && got != nil:
		d.fail("results and an error: %v, %v", got, err)
	case err == nil && api.DecodeI32(got[0]) != p.lib.base:
		d.fail("%s is the function %d, want %d", p.f.Name(), api.DecodeI32(got[0]), p.lib.base)
	case errors.Is(err, linker.ErrLibraryClosed) && kept &&
		(p.lib.Name == keptName || p.handle.sure()):
		d.fail("%s is gone, and nobody has closed its library", p.f.Name())
	}
	return err
}

// firstCallback is the identity of the first Go function with a function pointer.
const firstCallback = 5000

// newCallback makes a function pointer for a Go function. Tasks share it.
func (d *doing) newCallback() error {
	base := int32(firstCallback + d.a.value)
	slot, err := d.m.g.NewCallback(d.ctx,
		api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
			d.w.bell.ring()
			stack[0] = api.EncodeI32(base)
		}), narrowParams, narrowResults)
	switch {
	case err != nil && slot != 0:
		d.fail("a pointer and an error: %d, %v", slot, err)
	case err == nil && slot == 0:
		d.fail("the pointer is null")
	case err == nil && !d.c.host(): // a constructor's ends with an operation that fails
		d.im.addCallback(slot, base)
		d.im.advance(0)
	}
	return err
}

func (im *image) addCallback(slot uint32, base int32) {
	c := &closure{slot: slot, held: map[int32]bool{base: true}}
	im.mu.Lock()
	defer im.mu.Unlock()
	im.callbacks = append(im.callbacks, c)
}

// callCallback calls a Go function through its pointer, in any group.
func (d *doing) callCallback() error {
	c := d.im.callback(d.a.handle)
	if c == nil {
		return nil
	}
	whole := c.freers.Load() == 0
	got, err := d.m.g.CallPointer(d.ctx, c.slot, narrowParams, narrowResults, askIdentity...)
	forEver := d.w.p.quarantine == forever
	switch {
	case err == nil && (forEver || c.freers.Load() == 0) && !c.mayHold(api.DecodeI32(got[0])):
		d.fail("pointer %d of a Go function is the function %d", c.slot, api.DecodeI32(got[0]))
	case isA[*linker.PointerError](err) && whole && c.freers.Load() == 0:
		d.fail("pointer %d of a Go function is null, and nobody has freed it: %v", c.slot, err)
	case isA[*linker.PointerError](err),
		isA[*linker.UndefinedSymbolError](err) && c.freers.Load() > 0: // freed meanwhile, perhaps
		return nil
	}
	return err
}

// freeCallback frees the pointer of a Go function, each by one task only where an entry may be
// another one's at once.
func (d *doing) freeCallback() error {
	c := d.im.callback(d.a.handle)
	if c == nil || d.c.host() {
		return nil
	}
	first := c.freers.Add(1) == 1
	if !first && d.w.p.quarantine != forever {
		c.freers.Add(-1)
		return nil
	}
	err := d.m.g.FreeCallback(d.ctx, c.slot)
	switch {
	case err == nil && c.freed.Swap(true):
		d.fail("the pointer %d of a Go function was freed twice", c.slot)
	case isA[*linker.ClosureError](err) && first && c.freers.Load() == 1:
		d.fail("%d is no pointer of a Go function, and nobody has freed it: %v", c.slot, err)
	case err != nil && !isA[*linker.ClosureError](err):
		c.freers.Add(-1) // it is still there
	}
	return err
}
