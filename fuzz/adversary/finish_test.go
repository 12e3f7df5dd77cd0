package adversary_test

import (
	"context"
	"errors"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// finish closes what the tasks have left, and checks that nothing else is left. All tasks have
// ended.
func (w *world) finish(ctx context.Context) {
	w.over.Store(true)
	for _, im := range w.made {
		if !im.ends() {
			im.rest(ctx)
		}
	}
	for _, im := range w.made {
		im.close(ctx)
	}
	if err := w.rt.Close(ctx); err != nil {
		w.fail("closing the runtime: %v", err)
	}
}

// rest brings an image back to where it began, and checks that it is there.
func (im *image) rest(ctx context.Context) {
	w := im.w
	members, handles, closures := im.known()
	im.agree(ctx, members)
	i := slices.IndexFunc(members, func(m *member) bool { return !m.ended() })
	if i < 0 {
		return // no group is left in which a library could be closed
	}
	g := members[i].g
	for _, h := range handles {
		sure := h.sure()
		h.closers.Add(1)
		err := g.CloseLibrary(ctx, h.lib)
		switch outcome := closing(err); {
		case sure && outcome != closedNow && !isA[*linker.DestructorError](err):
			w.fail("closing the last handle of %s: %v", h.name, err)
		case h.closed.Load() && outcome != closedBefore:
			w.fail("closing a handle of %s that was closed: %v", h.name, err)
		case outcome == stillOpen:
			w.fail("closing a handle of %s: %v", h.name, err)
		}
	}
	if got := im.l.Libraries(); !slices.Equal(
		got,
		[]string{keptName, "libdlfcn.wasm", "libthread.wasm"},
	) {
		w.fail("with no handle left, the libraries are %v", got)
	}
	for _, c := range closures {
		if c.freers.Load() > 0 && w.p.quarantine != forever {
			continue // the entry may be another one's by now
		}
		if err := g.FreeClosure(ctx, c.slot); c.freers.Load() == 0 && err != nil {
			w.fail("freeing closure %d: %v", c.slot, err)
		}
	}
	im.freeCallbacks(ctx, g, members)
	im.probe(ctx, g)
	for _, m := range members {
		if m.g == g {
			continue
		}
		if err := m.g.Close(ctx); err != nil && !isA[*linker.DestructorError](err) {
			w.fail("closing group %d: %v", m.g.ID(), err)
		}
	}
	im.compact(ctx, g)
}

// freeCallbacks frees the pointers of Go functions, which are the same in all groups until then.
func (im *image) freeCallbacks(ctx context.Context, g *linker.Group, members []*member) {
	for _, c := range im.callbacks {
		if c.freers.Load() > 0 {
			continue
		}
		for _, m := range members {
			if m.ended() {
				continue
			}
			got, err := m.g.CallPointer(ctx, c.slot, narrowParams, narrowResults, askIdentity...)
			if err != nil || !c.mayHold(api.DecodeI32(got[0])) {
				im.w.fail("in the end, pointer %d of a Go function in group %d: %v, %v", c.slot,
					m.g.ID(), got, err)
			}
		}
		if err := g.FreeCallback(ctx, c.slot); err != nil {
			im.w.fail("in the end, freeing pointer %d of a Go function: %v", c.slot, err)
		}
	}
}

// agree checks that all groups have the same functions behind the pointers that were handed out,
// and that handles stand for what the tasks believe.
func (im *image) agree(ctx context.Context, members []*member) {
	for _, p := range im.pointers {
		for _, m := range members {
			if m.ended() {
				continue
			}
			got, err := m.g.CallPointer(ctx, p.slot, narrowParams, narrowResults, askIdentity...)
			loaded := p.kept || p.handle.sure()
			switch {
			case err == nil && api.DecodeI32(got[0]) != p.base &&
				(loaded || im.w.p.quarantine == forever):
				im.w.fail(
					"in the end, pointer %d of the function %d is the function %d in group %d",
					p.slot,
					p.base,
					api.DecodeI32(got[0]),
					m.g.ID(),
				)
			case err != nil && (loaded || !isA[*linker.PointerError](err)):
				im.w.fail(
					"in the end, calling pointer %d of the function %d in group %d: %v",
					p.slot,
					p.base,
					m.g.ID(),
					err,
				)
			}
		}
	}
}

// probe makes each call of tasks once, without interference: all of them succeed.
func (im *image) probe(ctx context.Context, g *linker.Group) {
	w := im.w
	child, err := g.Spawn(ctx)
	if err != nil {
		w.fail("in the end, Spawn: %v", err)
		return
	}
	for _, lib := range w.cat.all() {
		h, err := child.Open(ctx, lib.Name)
		if lib.never || err != nil {
			if err == nil || !lib.never {
				w.fail("in the end, opening %s: %v", lib.Name, err)
			}
			continue
		}
		sym, err := g.Symbol(ctx, h, lib.function)
		if err != nil {
			w.fail("in the end, %s: %v", lib.function, err)
			continue
		}
		for _, x := range []*linker.Group{g, child} {
			got, err := x.CallPointer(ctx, sym.Pointer, narrowParams, narrowResults, askIdentity...)
			if err != nil || api.DecodeI32(got[0]) != lib.base {
				w.fail("in the end, %s in group %d: %v, %v", lib.function, x.ID(), got, err)
			}
		}
		if err := g.CloseLibrary(ctx, h); err != nil && !isA[*linker.DestructorError](err) {
			w.fail("in the end, closing %s: %v", lib.Name, err)
		}
	}
	if err := child.Close(ctx); err != nil {
		w.fail("in the end, closing a group: %v", err)
	}
}

// compact checks that all memory that was added for libraries and groups is free, and in one piece:
// a stack that needs all of it fits.
func (im *image) compact(ctx context.Context, g *linker.Group) {
	grown := im.l.Memory().Size() - im.began
	if grown == 0 || g != im.l.Main() || im.threads.Load() || im.grows.Load() {
		return
	}
	size := im.l.Memory().Size()
	child, err := g.Spawn(ctx, linker.StackSize(grown))
	switch {
	case err != nil:
		im.w.fail("in the end, a group with a stack of %d bytes: %v", grown, err)
		return
	case im.l.Memory().Size() != size:
		im.w.fail("of the %d bytes that the memory has grown, some are lost", grown)
	}
	if err := child.Close(ctx); err != nil {
		im.w.fail("in the end, closing a group: %v", err)
	}
}

// close closes an image, unless a task has, and checks that it is closed.
func (im *image) close(ctx context.Context) {
	if err := im.l.Close(ctx); err != nil && !isA[*linker.DestructorError](err) {
		im.w.fail("closing image %d: %v", im.number, err)
	}
	if err := im.l.Close(ctx); err != nil {
		im.w.fail("closing image %d again: %v", im.number, err)
	}
	for _, m := range im.members {
		_, err := m.g.Call(ctx, linker.Default, "kept_f", askIdentity...)
		if !errors.Is(err, linker.ErrClosed) && !errors.Is(err, linker.ErrGroupClosed) {
			im.w.fail("a call into a closed image: %v", err)
		}
	}
	if _, err := im.l.Main().Open(ctx, leafName(0)); err == nil {
		im.w.fail("a library was opened in a closed image")
	}
}
