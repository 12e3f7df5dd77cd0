package linker

import (
	"context"
	"errors"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// readProgram looks at how a main module begins. bytes are those of src.
func (p *program) readProgram(bytes []byte, src *wasm.Module) {
	start, ok := src.ExportByName("_start")
	if !ok || start.Kind != wasm.KindFunc {
		return
	}
	calls := func(name string) bool {
		for i, imp := range functionImports(src) {
			if imp.Module == "env" && imp.Name == name &&
				src.CallsDirectly(bytes, start.Index, uint32(i)) {
				return true
			}
		}
		x, ok := src.ExportByName(name)
		return ok && x.Kind == wasm.KindFunc && src.CallsDirectly(bytes, start.Index, x.Index)
	}
	p.startConstructs, p.startDestroys = calls(wasm.CallCtors), calls(wasm.CallDtors)
}

// functionImports returns the imported functions, by index.
func functionImports(src *wasm.Module) (list []*wasm.Import) {
	for i := range src.Imported(wasm.KindFunc) {
		imp, _ := src.ImportOf(wasm.KindFunc, uint32(i))
		list = append(list, imp)
	}
	return list
}

// hookExit finds out how the program ends, and registers the linker's function. Nothing of the
// guest has run yet but start functions and relocations.
func (op *linkOp) hookExit(ctx context.Context) error {
	p, global := &op.l.program, op.l.state.snapshot.Global
	i32 := wasm.I32
	find := func(name string, typ wasm.FuncType) *image.Function {
		if x := global.Lookup(name); x != nil && x.Kind == image.KindFunction &&
			x.Fn.Type.Equal(typ) {
			return x.Fn
		}
		return nil
	}
	p.dtors = find(wasm.CallDtors, wasm.FuncType{})
	p.flush = find("fflush",
		wasm.FuncType{Params: []wasm.ValType{i32}, Results: []wasm.ValType{i32}})
	register, hook := find("__cxa_atexit",
		wasm.FuncType{Params: []wasm.ValType{i32, i32, i32}, Results: []wasm.ValType{i32}}),
		shim.EndWith
	args := make([]uint64, 3)
	if register == nil {
		register, hook = find("atexit",
			wasm.FuncType{Params: []wasm.ValType{i32}, Results: []wasm.ValType{i32}}), shim.End
		args = args[:1]
	}
	if register == nil {
		return nil
	}
	s := &space.FillStep{}
	pointer, err := op.slot(op.l.host.Exports[hook].Fn, &s.Fills)
	if err != nil {
		return err
	}
	s.Slots = op.l.state.slots.Length
	if err := op.perform(ctx, s); err != nil {
		return err
	}
	args[0] = uint64(pointer)
	failed, err := op.g.space.Call1(ctx, register, args...)
	if err != nil {
		return err
	}
	p.hooked.Store(failed == 0)
	return nil
}

// endOfProgram is what the main module's C library calls last of all that is registered there.
func (l *Linker) endOfProgram(ctx context.Context) {
	act := activationOf(ctx)
	if act == nil || act.Replay {
		return
	}
	l.program.ended.Store(true)
	if !l.endsWith(act.group) {
		l.program.hooked.Store(false) // it is not called again when the last group ends
		return
	}
	err := act.group.destroyLibraries(ctx, act)
	if isExit(err) {
		panic(err)
	}
	l.dtors.Fail(err)
}

// endsWith reports whether the program is over when a group exits: the libraries are still others'
// when there are groups that Go has spawned and that live on.
func (l *Linker) endsWith(g *Group) bool {
	l.guestThreads.mu.Lock()
	used := l.guestThreads.used
	l.guestThreads.mu.Unlock()
	return used || !slices.ContainsFunc(l.groups.list(),
		func(x *Group) bool { return x != g && x.cause.Load() == nil })
}

// destroyLibraries calls the handlers of all modules, those that were loaded last first. An
// exit keeps the others from being called; a trap does not.
func (g *Group) destroyLibraries(ctx context.Context, act *activation) (err error) {
	late, end := g.l.dtors.BeginLate(g.l.config.maxLate)
	defer end()
	for {
		order := slices.Clone(act.snapshot().Order)
		g.l.dtors.Count(late, order)
		slices.Reverse(order)
		m := g.l.dtors.First(order)
		if m == nil {
			return err
		}
		failed := g.destroy(ctx, m)
		err = errors.Join(err, failed)
		if isExit(failed) {
			return err
		}
	}
}

// finish ends the program in a group, once: what the C library has registered runs, then what
// libraries have, and streams are flushed.
func (g *Group) finish(ctx context.Context, act *activation) (err error) {
	p := &g.l.program
	if !p.ended.Swap(true) && p.dtors != nil && !p.startDestroys {
		_, err = g.space.Call(ctx, p.dtors)
	}
	if isExit(err) {
		return err
	}
	return errors.Join(err, g.destroyRest(ctx, act))
}

// destroyRest calls the handlers of libraries that the main module's C library does not know of,
// and flushes streams behind them. A C library that has ended leaves its locks as they are, so
// nothing is flushed a second time if there were threads.
func (g *Group) destroyRest(ctx context.Context, act *activation) error {
	p := &g.l.program
	if g.l.dtors.First(act.snapshot().Order) == nil {
		return nil
	}
	err := g.destroyLibraries(ctx, act)
	g.l.guestThreads.mu.Lock()
	used := g.l.guestThreads.used
	g.l.guestThreads.mu.Unlock()
	if isExit(err) || used {
		return err
	}
	var failed error
	switch {
	case p.flush != nil:
		_, failed = g.space.Call(ctx, p.flush, 0)
	case p.dtors != nil:
		_, failed = g.space.Call(ctx, p.dtors)
	}
	return errors.Join(err, failed)
}

// exiting does what is left to do when a guest exits, before its group ends: a C library that knows
// the linker's function has called that, unless the guest wanted nothing to be called (_Exit).
func (g *Group) exiting(ctx context.Context, act *activation, err error) error {
	if err == nil || act.op != nil || g.l.program.hooked.Load() {
		return err
	}
	return g.exitingUnheard(ctx, act, err)
}

// exitingUnheard is exiting for a C library that does not tell.
func (g *Group) exitingUnheard(ctx context.Context, act *activation, err error) error {
	if !isExit(err) || g.space.EngineClosed() || !g.l.endsWith(g) {
		return err
	}
	if failed := g.destroyRest(ctx, act); !isExit(failed) {
		g.l.dtors.Fail(failed)
	}
	return err
}
