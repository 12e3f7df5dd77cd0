package adversary_test

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// mostDepth is how many host functions call within each other at most.
const mostDepth = 3

type callerKey struct{}

// called is a host function that guests call: (depth, script) -> 0.
func (w *world) called(ctx context.Context, _, script int32) int32 {
	w.script(ctx, script, caller{})
	return 0
}

// noted is a host function that constructors and destructors call.
func (w *world) noted(ctx context.Context, script int32) {
	c := caller{operation: true}
	if script < constructorScripts {
		c.building = leafName(int(script))
	}
	w.script(ctx, script, c)
}

// script performs the acts of a script for the guest that has called.
func (w *world) script(ctx context.Context, n int32, c caller) {
	w.bell.ring()
	g := linker.GroupFromContext(ctx)
	if g == nil {
		w.fail("the context of a host function has no group")
		return
	}
	im := w.imageOf(g.Linker())
	if im == nil {
		return // the image is being made
	}
	m := im.memberOf(g)
	if m == nil { // a group that was just made, or a thread
		m = &member{g: g, im: im, rank: 1 << 40}
		m.doomed.Store(true)
	}
	outer, _ := ctx.Value(callerKey{}).(caller)
	c.member, c.rank, c.depth = m, max(outer.rank, m.rank), outer.depth+1
	c.operation = c.operation || outer.operation
	// What the script does is not what the receipt of the call around it is for.
	c.ctx = context.WithValue(linker.WithReceipt(ctx, nil), callerKey{}, c)
	if c.building != "" {
		w.underConstruction(im, c.building)
	}
	if c.depth > mostDepth || w.over.Load() {
		return
	}
	for _, a := range w.p.scripts[int(uint32(n)%scripts)] {
		w.perform(c, a)
	}
}

// underConstruction looks at the image from the constructor of a library that is not visible yet.
func (w *world) underConstruction(im *image, name string) {
	for _, seen := range im.l.Libraries() {
		if seen == name && w.cat.byName[name].never {
			w.fail("%s is among the libraries while its constructor runs", name)
		}
	}
}

// callHost lets the guest call a host function, which runs a script.
func (d *doing) callHost() error {
	script := int32(d.a.value % scripts)
	got, err := d.m.g.Call(d.ctx, linker.Default, "kept_host", 2, api.EncodeI32(script))
	switch {
	case err != nil && got != nil:
		d.fail("results and an error: %v, %v", got, err)
	case err == nil && api.DecodeI32(got[0]) != 31*script:
		d.fail("kept_host(2, %d) is %d", script, api.DecodeI32(got[0]))
	}
	return err
}

// block waits for what another goroutine does, in a group that the caller is not inside. Within an
// operation it does not: whatever needs another operation would wait for the end of this one.
func (d *doing) block() error {
	other := d.w.image(d.a.image)
	m := other.member(d.a.group, d.c.rank+1)
	ran := false
	err := d.c.member.g.Block(d.c.ctx, func() {
		ran = true
		if m == nil || d.c.operation {
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			a := d.a
			a.kind = []kind{opens, looksUp, calls, closesLibrary, spawns, inspects}[a.value%6]
			ctx := linker.WithoutGroup(d.c.ctx)
			d.w.performIn(caller{ctx: ctx, depth: mostDepth, inside: true}, m, a)
		}()
		<-done
	})
	if err == nil && !ran {
		d.fail("Block did not run its function")
	}
	return err
}

func (d *doing) safepoint() error { return d.m.g.Safepoint(d.ctx) }

func (d *doing) panic() error {
	panic(fmt.Errorf("script: %w", errPanic))
}

// trap lets the guest trap.
func (d *doing) trap() error {
	_, err := d.m.g.Call(d.ctx, linker.Default, "kept_trap", 2, 0)
	if err == nil {
		d.fail("the guest trapped, and the call succeeded")
	}
	return err
}

// leaveBehind starts a goroutine that goes on when the host function has returned. It has freed its
// context from the call.
func (d *doing) leaveBehind() error {
	ctx := context.WithValue(linker.WithoutGroup(context.WithoutCancel(d.c.ctx)), callerKey{}, nil)
	a := d.a
	a.kind = []kind{opens, looksUp, calls, closesLibrary, spawns, sharesClosure}[a.value%6]
	d.w.behind.Go(func() { d.w.perform(caller{ctx: ctx}, a) })
	return nil
}

// share lets two goroutines use the host function's context at once.
func (d *doing) share() error {
	var wg sync.WaitGroup
	c := d.c
	c.foreign, c.depth = true, mostDepth-1
	for i := range 2 {
		wg.Go(func() {
			a := d.a
			a.kind = []kind{opens, looksUp, calls, sharesClosure, callsPointer}[(a.value+i)%5]
			a.other = 1
			d.w.perform(c, a)
		})
	}
	wg.Wait()
	return nil
}

// closeFromWithin closes what the caller is inside: that cannot be.
func (d *doing) closeFromWithin() error {
	g := d.c.member.g
	for what, err := range map[string]error{
		"group": g.Close(d.c.ctx), "linker": g.Linker().Close(d.c.ctx),
	} {
		if !errors.Is(err, linker.ErrInOperation) && !d.allowed(err) {
			d.fail("closing the %s from within: %v", what, err)
		}
	}
	return nil
}
