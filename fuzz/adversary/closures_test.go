package adversary_test

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

func (d *doing) allocate() error {
	var r linker.Receipt
	slot, err := d.m.g.AllocateClosure(linker.WithReceipt(d.ctx, &r))
	switch {
	case err != nil && slot != 0:
		d.fail("an entry and an error: %d, %v", slot, err)
	case err == nil && slot == 0:
		d.fail("the entry is the null pointer")
	case err == nil && !d.c.host(): // a constructor's ends with an operation that fails
		d.im.addClosure(slot)
	}
	return err
}

// shared picks a closure. Where an entry that was freed may be another one's at once, each is freed
// by one task only.
func (d *doing) shared() *closure { return d.im.closure(d.a.handle) }

// holds notes that a closure may hold a function from now on.
func (c *closure) holds(base int32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held[base] = true
}

func (c *closure) mayHold(base int32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held[base]
}

func (d *doing) set() error {
	c := d.shared()
	if c == nil || d.c.host() {
		return nil
	}
	h, through, lib, name := d.target()
	freed := c.freers.Load() > 0
	if freed && d.w.p.quarantine != forever {
		return nil // it may be another closure's by now
	}
	c.holds(lib.base)
	var r linker.Receipt
	err := d.m.g.SetClosure(linker.WithReceipt(d.ctx, &r), c.slot, through, name)
	switch {
	case err == nil && c.freed.Load() && freed:
		d.fail("closure %d was set, and it had been freed", c.slot)
	case err == nil:
		d.im.numbered(d.String(), d.before, r)
	case isA[*linker.ClosureError](err) && c.freers.Load() == 0:
		d.fail("closure %d is none, and nobody has freed it: %v", c.slot, err)
	default:
		return d.lookFailed(err, lib, name, h, false)
	}
	return nil
}

func (d *doing) callClosure() error {
	c := d.shared()
	if c == nil {
		return nil
	}
	freed := c.freed.Load()
	got, err := d.m.g.CallPointer(d.ctx, c.slot, narrowParams, narrowResults, askIdentity...)
	strict := d.w.p.quarantine == forever
	switch {
	case err == nil && strict && freed:
		d.fail("closure %d was called, and it had been freed", c.slot)
	case err == nil && strict && !c.mayHold(api.DecodeI32(got[0])):
		d.fail(
			"closure %d is the function %d, which was never put there",
			c.slot,
			api.DecodeI32(got[0]),
		)
	case isA[*linker.PointerError](err):
		return nil // it is null
	}
	return err
}

func (d *doing) free() error {
	c := d.shared()
	if c == nil || d.c.host() {
		return nil
	}
	first := c.freers.Add(1) == 1
	if !first && d.w.p.quarantine != forever {
		c.freers.Add(-1)
		return nil
	}
	err := d.m.g.FreeClosure(d.ctx, c.slot)
	switch {
	case err == nil && c.freed.Swap(true):
		d.fail("closure %d was freed twice", c.slot)
	case isA[*linker.ClosureError](err) && first && c.freers.Load() == 1:
		d.fail("closure %d is none, and nobody has freed it: %v", c.slot, err)
	case err != nil && !isA[*linker.ClosureError](err):
		c.freers.Add(-1) // it is still there
	}
	return err
}
