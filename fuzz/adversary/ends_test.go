package adversary_test

import (
	"context"
	"errors"
	"slices"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker"
)

// spawn makes a group. Tasks share it.
func (d *doing) spawn() error {
	if members, _, _ := d.im.known(); len(members) > mostGroups/3 {
		return nil
	}
	var r linker.Receipt
	child, err := d.m.g.Spawn(
		linker.WithReceipt(d.ctx, &r),
		linker.StackSize(uint32(4096+1000*d.a.value)),
	)
	switch {
	case err != nil && child != nil:
		d.fail("a group and an error: %v", err)
	case err == nil:
		d.im.addMember(child)
		d.im.numbered(d.String(), d.before, r)
	}
	return err
}

// closeGroup closes a group that others use. The first one is closed seldom: the image lives on,
// but the main module's thread is over.
func (d *doing) closeGroup() error {
	m := d.m
	if m.g == d.im.l.Main() && d.a.value > 0 {
		return nil
	}
	if d.c.host() {
		return d.closeWhere(m)
	}
	m.doomed.Store(true)
	err := m.g.Close(d.ctx)
	if err == nil || isA[*linker.DestructorError](err) {
		d.im.forget(m)
		if _, err := m.g.Call(d.c.ctx, linker.Default, "kept_f", askIdentity...); !errors.Is(
			err,
			linker.ErrGroupClosed,
		) &&
			!errors.Is(err, linker.ErrClosed) {
			d.fail("a call into a closed group: %v", err)
		}
	}
	return err
}

// closeWhere closes a group from a host function: another one, or one that it is inside.
func (d *doing) closeWhere(m *member) error {
	if m.rank > d.c.rank {
		m.doomed.Store(true)
	}
	err := m.g.Close(d.ctx)
	if err == nil {
		d.im.forget(m)
	}
	if err == nil && m.rank <= d.c.rank {
		d.fail("a group was closed from within")
	}
	return err
}

// exit ends a group by its guest. If there has been a thread, that ends the image.
func (d *doing) exit() error {
	d.m.doomed.Store(true)
	d.im.exited.Store(true)
	if d.c.host() && d.m == d.c.member {
		panic(sys.NewExitError(3))
	}
	_, err := d.m.g.Call(d.ctx, linker.Default, "thread_exit", 3)
	switch {
	case err == nil:
		d.fail("the guest exited, and the call succeeded")
	case isA[*sys.ExitError](err):
		d.im.forget(d.m)
		return nil
	}
	return err
}

// closeLinker closes an image while others use it, perhaps in vain: then it is closed in the end.
func (d *doing) closeLinker() error {
	if d.c.host() || d.a.value > 3 {
		return nil
	}
	d.im.ending.Store(true)
	err := d.im.l.Close(d.ctx)
	if err == nil {
		d.im.closed.Store(true)
		if libs := d.im.l.Libraries(); len(libs) > 0 && d.a.value == 0 {
			_ = libs // what a closed linker says of its libraries is unspecified
		}
	}
	return err
}

// newLinker makes another image beside those that there are.
func (d *doing) newLinker() error {
	d.w.mu.Lock()
	many := len(d.w.made) >= 6
	d.w.mu.Unlock()
	if many || d.c.host() {
		return nil
	}
	if _, err := d.w.newImage(d.c.ctx); err != nil {
		d.fail("%v", err)
	}
	return nil
}

// threads lets the guest start threads, and wait for them.
func (d *doing) threads() error {
	if d.c.host() {
		return nil
	}
	d.im.threads.Store(true)
	g := d.m.g
	which := uint64(d.a.value % 2) // thread_add or thread_trap
	f, err := g.Call(d.ctx, linker.Default, "thread_function", which)
	if err != nil {
		return err
	}
	if which == 1 {
		_, err = g.Call(d.ctx, linker.Default, "thread_create", f[0], 0)
		return err
	}
	got, err := g.Call(d.ctx, linker.Default, "thread_run", f[0], 3, 2)
	if err == nil &&
		!slices.Contains([]int32{6, -1}, api.DecodeI32(got[0])) { // -1: it could not be started
		d.fail("two threads counted to %d", api.DecodeI32(got[0]))
	}
	return err
}

func (d *doing) wait() error {
	if d.c.host() {
		return nil
	}
	return d.im.l.Wait(d.ctx)
}

// keptContext is a host function's context that a task uses when the function may have returned.
type keptContext struct {
	ctx    context.Context
	member *member
	rank   int
}

// keep keeps a host function's context.
func (d *doing) keep() error {
	d.w.mu.Lock()
	defer d.w.mu.Unlock()
	if len(d.w.kept) < 16 {
		d.w.kept = append(d.w.kept, keptContext{d.c.ctx, d.c.member, d.c.rank})
	}
	return nil
}

// useKept does something with a context that a host function has kept: its call may be over, or go
// on at the same time. Everything that holds for other calls holds for these.
func (d *doing) useKept() error {
	d.w.mu.Lock()
	var k keptContext
	if n := len(d.w.kept); n > 0 {
		k = d.w.kept[d.a.handle%n]
	}
	d.w.mu.Unlock()
	if k.ctx == nil || d.c.depth > 0 {
		return nil
	}
	c := caller{
		ctx: k.ctx, member: k.member, rank: k.rank, depth: mostDepth - 1, foreign: true,
	}
	if d.a.other%2 == 0 { // freed from the call, it is as good as any other
		c = caller{ctx: linker.WithoutGroup(context.WithoutCancel(k.ctx))}
	}
	a := d.a
	a.kind = []kind{
		opens, looksUp, calls, sharesClosure, callsPointer, closesLibrary, spawns, safepoints,
		inspects,
	}[a.value%9]
	a.other = 1 // the group that the context is of
	d.w.perform(c, a)
	return nil
}
