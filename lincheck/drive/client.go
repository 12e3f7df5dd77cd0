package drive

import (
	"context"
	"math/rand/v2"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

// Shares of what clients do, in percent; the rest are calls.
const (
	openShare    = 22
	closeShare   = 14
	symbolShare  = 26
	pointerShare = 16
	closureShare = 6
	spawnShare   = 3
	cancelShare  = 10 // of those that can be cancelled
)

// open is a library that a client has opened.
type open struct {
	lib  *linker.Library
	name string
}

// pointer is a function pointer that a client has found in a library that it holds open, or in the main module.
type pointer struct {
	holder *linker.Library // nil: the main module
	slot   uint32
	params int
	traps  bool // calling it traps
}

// client is one goroutine's side of a program.
type client struct {
	s       *Subject
	rec     *lincheck.Client
	base    *linker.Group // where it works
	child   *linker.Group // a group that it has spawned, or nil; it works there as long as it has it
	rng     *rand.Rand
	cancels bool

	numbered bool   // every operation must have a number
	first    uint64 // the number, in histories, of the linker before its first operation
	seen     uint64 // how many operations were committed when the present one began

	opened   []open
	pointers []pointer
	closures []uint32
}

func (c *client) group() *linker.Group {
	if c.child != nil {
		return c.child
	}
	return c.base
}

// operate does one operation.
func (c *client) operate(ctx context.Context) {
	n := c.rng.IntN(100)
	for _, kind := range []struct {
		share int
		do    func(context.Context) bool
	}{
		{openShare, c.open}, {closeShare, c.close}, {symbolShare, c.symbol}, {pointerShare, c.callPointer},
		{closureShare, c.unnumbered(c.closure)}, {spawnShare, c.unnumbered(c.spawnOrLeave)},
	} {
		if n < kind.share && kind.do(ctx) {
			return
		}
		n -= kind.share
	}
	c.call(ctx)
}

// finish closes what the client still has, so that the subject ends as it began.
func (c *client) finish(ctx context.Context) {
	for len(c.opened) > 0 {
		c.close(ctx)
	}
	for len(c.closures) > 0 {
		c.freeClosure(ctx)
	}
	if c.child != nil {
		c.leave(ctx)
	}
}

// begin notes the start of an operation in the client's group.
func (c *client) begin(in model.Input) {
	in.Group = c.group().ID()
	c.rec.Begin(in)
	c.seen = c.s.Linker.Commits()
}

// end notes the end of an operation that has no receipt.
func (c *client) end(out model.Output) { c.endWith(out, linker.Receipt{}) }

// endWith notes the end of an operation, with its number if there is one.
func (c *client) endWith(out model.Output, r linker.Receipt) { c.rec.End(c.number(out, r)) }

// cancellable returns a context that is cancelled while the operation is under way, now and then.
func (c *client) cancellable(ctx context.Context) (context.Context, context.CancelFunc) {
	if !c.cancels || c.rng.IntN(100) >= cancelShare {
		return ctx, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	go cancel()
	return ctx, cancel
}

func (c *client) open(ctx context.Context) bool {
	libs := c.s.universe.Libraries
	name := c.s.missing
	if i := c.rng.IntN(len(libs) + 1); i < len(libs) {
		name = libs[i].Name
	}
	var receipt linker.Receipt
	ctx, cancel := c.cancellable(linker.WithReceipt(ctx, &receipt))
	defer cancel()
	c.begin(model.Input{Op: model.OpOpen, Library: name})
	lib, err := c.group().Open(ctx, name)
	if err != nil {
		c.end(model.Output{Err: c.s.openError(name, err)})
		return true
	}
	c.endWith(model.Output{Handle: c.s.handleOf(name)}, receipt)
	c.opened = append(c.opened, open{lib, name})
	return true
}

// close closes one of the client's own openings. Pointers that it found through that one are not used any more.
func (c *client) close(ctx context.Context) bool {
	if len(c.opened) == 0 {
		return false
	}
	i := c.rng.IntN(len(c.opened))
	o := c.opened[i]
	c.opened = slices.Delete(c.opened, i, i+1)
	c.pointers = slices.DeleteFunc(c.pointers, func(p pointer) bool { return p.holder == o.lib })
	var receipt linker.Receipt
	c.begin(model.Input{Op: model.OpClose, Handle: c.s.handleOf(o.name)})
	err := c.group().CloseLibrary(linker.WithReceipt(ctx, &receipt), o.lib)
	if err != nil {
		c.end(model.Output{Err: orUnexpected(err)})
		return true
	}
	c.endWith(model.Output{}, receipt)
	return true
}

// scope picks where to look: everywhere, or in a library that the client has opened.
func (c *client) scope() (lib *linker.Library, handle model.Handle, functions []model.Function, names []string) {
	universe := &c.s.universe
	if len(c.opened) > 0 && c.rng.IntN(3) > 0 {
		o := c.opened[c.rng.IntN(len(c.opened))]
		l := universe.Libraries[c.s.handleOf(o.name)-1]
		return o.lib, c.s.handleOf(o.name), l.Functions, dataNames(l)
	}
	names = append(dataNames(universe.Main), "nobody_has_this")
	functions = slices.Clone(universe.Main.Functions)
	for _, l := range universe.Libraries {
		if c.numbered && !c.holds(l.Name) {
			continue // it may be there or not
		}
		functions = append(functions, l.Functions...)
		names = append(names, dataNames(l)...)
	}
	return linker.Default, 0, functions, names
}

func dataNames(l model.Library) []string {
	var names []string
	for _, d := range l.Data {
		names = append(names, d.Name)
	}
	return names
}

func (c *client) symbol(ctx context.Context) bool {
	lib, handle, functions, names := c.scope()
	i := c.rng.IntN(len(functions) + len(names) + 1)
	name, params, known, trapping := "no_such_symbol", 0, false, false
	switch {
	case i < len(functions):
		name, params, known, trapping = functions[i].Name, functions[i].Params, callable(functions[i]), traps(functions[i])
	case i < len(functions)+len(names):
		name = names[i-len(functions)]
	}
	var receipt linker.Receipt
	ctx, cancel := c.cancellable(linker.WithReceipt(ctx, &receipt))
	defer cancel()
	c.begin(model.Input{Op: model.OpSymbol, Handle: handle, Name: name})
	sym, err := c.group().Symbol(ctx, lib, name)
	if err != nil {
		c.end(model.Output{Err: lookupError(err)})
		return true
	}
	out := model.Output{Kind: model.KindData, Pointer: sym.Pointer}
	if sym.Kind == linker.Function {
		out.Kind = model.KindFunction
	}
	c.endWith(out, receipt)
	main := sym.Module == c.s.universe.Main.Name
	if out.Kind == model.KindFunction && known && (main || handle != 0) {
		p := pointer{holder: lib, slot: sym.Pointer, params: params, traps: trapping}
		if main {
			p.holder = nil
		}
		c.pointers = append(c.pointers, p)
	}
	return true
}

// arguments makes arguments that cannot overflow in any behaviour of a universe of small numbers.
func (c *client) arguments(n int) (args []int32, encoded []uint64) {
	for range n {
		x := c.rng.Int32N(2001) - 1000
		args = append(args, x)
		encoded = append(encoded, api.EncodeI32(x))
	}
	return args, encoded
}

func (c *client) call(ctx context.Context) bool {
	lib, handle, functions, _ := c.scope()
	functions = slices.DeleteFunc(slices.Clone(functions), func(f model.Function) bool { return !callable(f) || traps(f) && !c.mayTrap() })
	if len(functions) == 0 {
		return c.symbol(ctx)
	}
	f := functions[c.rng.IntN(len(functions))]
	args, encoded := c.arguments(f.Params)
	c.begin(model.Input{Op: model.OpCall, Handle: handle, Name: f.Name, Args: args})
	results, err := c.group().Call(ctx, lib, f.Name, encoded...)
	if err != nil {
		c.endFailed(callError(f.Name, err))
		return true
	}
	c.end(model.Output{Result: api.DecodeI32(results[0])})
	return true
}

func (c *client) callPointer(ctx context.Context) bool {
	if len(c.pointers) == 0 {
		return false
	}
	p := c.pointers[c.rng.IntN(len(c.pointers))]
	if p.traps && !c.mayTrap() {
		return false
	}
	args, encoded := c.arguments(p.params)
	params := slices.Repeat([]api.ValueType{api.ValueTypeI32}, p.params)
	c.begin(model.Input{Op: model.OpCallPointer, Pointer: p.slot, Args: args})
	results, err := c.group().CallPointer(ctx, p.slot, params, []api.ValueType{api.ValueTypeI32}, encoded...)
	if err != nil {
		c.endFailed(callError("", err))
		return true
	}
	c.end(model.Output{Result: api.DecodeI32(results[0])})
	return true
}

func (c *client) closure(ctx context.Context) bool {
	if len(c.closures) > 2 || len(c.closures) > 0 && c.rng.IntN(2) == 0 {
		c.freeClosure(ctx)
		return true
	}
	c.begin(model.Input{Op: model.OpAllocateClosure, Count: 1})
	slot, err := c.group().AllocateClosure(ctx)
	if err != nil {
		c.end(model.Output{Err: orUnexpected(err)})
		return true
	}
	c.end(model.Output{Slots: []uint32{slot}})
	c.closures = append(c.closures, slot)
	return true
}

func (c *client) freeClosure(ctx context.Context) {
	i := c.rng.IntN(len(c.closures))
	slot := c.closures[i]
	c.closures = slices.Delete(c.closures, i, i+1)
	c.begin(model.Input{Op: model.OpFreeClosure, Pointer: slot})
	if err := c.group().FreeClosure(ctx, slot); err != nil {
		c.end(model.Output{Err: orUnexpected(err)})
		return
	}
	c.end(model.Output{})
}

func (c *client) spawnOrLeave(ctx context.Context) bool {
	if c.child != nil {
		c.leave(ctx)
		return true
	}
	c.begin(model.Input{Op: model.OpSpawn})
	child, err := c.base.Spawn(ctx)
	if err != nil {
		c.end(model.Output{Err: orUnexpected(err)})
		return true
	}
	c.end(model.Output{Group: child.ID()})
	c.child = child
	return true
}

// leave closes the group that the client has spawned.
func (c *client) leave(ctx context.Context) {
	c.begin(model.Input{Op: model.OpLeave})
	err := c.child.Close(ctx)
	c.child = nil
	if err != nil {
		c.end(model.Output{Err: orUnexpected(err)})
		return
	}
	c.end(model.Output{})
}
