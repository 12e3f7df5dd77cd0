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

// Shares of the openings, in percent: those of a rival, as a local library, of what is loaded, and
// with everything bound now.
const (
	rivalShare  = 40
	localShare  = 65
	noLoadShare = 20
	nowShare    = 10
)

// pointer is a function pointer that a client has found in a library that it holds open, or in the
// main module.
type pointer struct {
	holder *linker.Library // nil: the main module
	slot   uint32
	params int
	traps  bool // calling it may trap
	late   bool // what it calls may change between two calls
}

// client is one goroutine's side of a program.
type client struct {
	s    *Subject
	rec  *lincheck.Client
	base *linker.Group // where it works
	// a group that it has spawned, or nil; it works there as long as it has it
	child   *linker.Group
	rng     *rand.Rand
	cancels bool
	names   bool // only what the specification has words for; see names.go

	numbered bool   // every operation must have a number
	first    uint64 // the number, in histories, of the linker before its first operation
	seen     uint64 // how many operations were committed when the present one began

	shelf    *shelf
	pointers []pointer
}

func (c *client) group() *linker.Group {
	if c.child != nil {
		return c.child
	}
	return c.base
}

// operate does one operation.
func (c *client) operate(ctx context.Context) {
	if c.names {
		c.name(ctx)
		return
	}
	n := c.rng.IntN(100)
	for _, kind := range []struct {
		share int
		do    func(context.Context) bool
	}{
		{openShare, c.open}, {closeShare, c.close}, {symbolShare, c.symbol},
		{pointerShare, c.callPointer},
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
	for c.shelf.openings() > 0 {
		c.close(ctx)
	}
	for c.shelf.closureCount() > 0 {
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

// mostOpen is how many libraries a client has open at once: if all were open all the time, every
// look-up would find the same.
const mostOpen = 4

func (c *client) open(ctx context.Context) bool {
	if c.shelf.openings() >= c.shelf.most() {
		return c.close(ctx)
	}
	names := c.s.catalogue.libraries
	if c.rng.IntN(100) < rivalShare {
		names = c.s.catalogue.rivals
	}
	name := c.s.missing
	if i := c.rng.IntN(len(names) + 1); i < len(names) {
		name = names[i]
	}
	return c.openOf(ctx, name)
}

// openOf opens a library.
func (c *client) openOf(ctx context.Context, name string) bool {
	var receipt linker.Receipt
	ctx, cancel := c.cancellable(linker.WithReceipt(ctx, &receipt))
	defer cancel()
	in := model.Input{Op: model.OpOpen, Library: name}
	options := c.options(&in)
	c.begin(in)
	lib, err := c.group().Open(ctx, name, options...)
	if err != nil {
		c.endWith(model.Output{Err: c.s.openError(name, err)}, receipt)
		return true
	}
	o := open{lib, name, c.s.newHandle()}
	c.endWith(model.Output{Handle: o.handle}, receipt)
	c.shelf.put(o)
	return true
}

// options draws how a library is opened, and notes it in the operation.
func (c *client) options(in *model.Input) []linker.OpenOption {
	var options []linker.OpenOption
	in.Local, in.NoLoad, in.Now = c.rng.IntN(100) < localShare, c.rng.IntN(100) < noLoadShare,
		c.rng.IntN(100) < nowShare
	for _, o := range []struct {
		set    bool
		option linker.OpenOption
	}{{in.Local, linker.Local}, {in.NoLoad, linker.NoLoad}, {in.Now, linker.Now}} {
		if o.set {
			options = append(options, o.option)
		}
	}
	return options
}

// close closes an opening. Pointers that the client found through its own are not used any more.
// Those that clients share stay where they are until they are closed, so that others use them
// meanwhile, and close them as well.
func (c *client) close(ctx context.Context) bool {
	o, ok := c.shelf.pick(c.rng.IntN)
	if !ok {
		return false
	}
	if !c.shelf.shared {
		c.pointers = slices.DeleteFunc(c.pointers,
			func(p pointer) bool { return p.holder == o.lib })
	}
	var receipt linker.Receipt
	ctx, cancel := c.cancellable(linker.WithReceipt(ctx, &receipt))
	defer cancel()
	c.begin(model.Input{Op: model.OpClose, Handle: o.handle})
	err := c.group().CloseLibrary(ctx, o.lib)
	class := model.ErrorClass("")
	if err != nil {
		class = lookupError(err)
	}
	c.endWith(model.Output{Err: class}, receipt)
	if class == model.ClassBadHandle || class == "" && !c.leavesIt() {
		c.shelf.drop(o)
	}
	return true
}

// leavesIt tells whether the client leaves what it has closed for others to use, now and then.
func (c *client) leavesIt() bool { return c.shelf.shared && c.rng.IntN(3) == 0 }

// arguments makes arguments that cannot overflow in any behaviour of a universe of small numbers.
func (c *client) arguments(n int) (args []int32, encoded []uint64) {
	for range n {
		x := c.rng.Int32N(2001) - 1000
		args = append(args, x)
		encoded = append(encoded, api.EncodeI32(x))
	}
	return args, encoded
}

func (c *client) callPointer(ctx context.Context) bool {
	if len(c.pointers) == 0 {
		return false
	}
	p := c.pointers[c.rng.IntN(len(c.pointers))]
	if p.traps && !c.mayTrap() || p.late && c.numbered {
		return false
	}
	c.callSlot(ctx, p.slot, p.params)
	return true
}

func (c *client) callSlot(ctx context.Context, slot uint32, n int) {
	args, encoded := c.arguments(n)
	params := slices.Repeat([]api.ValueType{api.ValueTypeI32}, n)
	results := []api.ValueType{api.ValueTypeI32}
	c.begin(model.Input{Op: model.OpCallPointer, Pointer: slot, Args: args})
	values, err := c.group().CallPointer(ctx, slot, params, results, encoded...)
	if err != nil {
		c.endFailed(pointerError(err), linker.Receipt{})
		return
	}
	c.end(model.Output{Result: api.DecodeI32(values[0])})
}

func (c *client) closure(ctx context.Context) bool {
	n := c.shelf.closureCount()
	switch k := c.rng.IntN(4); {
	case n > 2 || n > 0 && k == 0:
		c.freeClosure(ctx)
	case n > 0 && k == 1:
		return c.setClosure(ctx)
	case n > 0 && k == 2:
		return c.callClosure(ctx)
	default:
		c.allocateClosure(ctx)
	}
	return true
}

func (c *client) allocateClosure(ctx context.Context) {
	ctx, cancel := c.cancellable(ctx)
	defer cancel()
	c.begin(model.Input{Op: model.OpAllocateClosure, Count: 1})
	slot, err := c.group().AllocateClosure(ctx)
	if err != nil {
		c.end(model.Output{Err: orUnexpected(err)})
		return
	}
	c.end(model.Output{Slots: []uint32{slot}})
	c.shelf.putClosure(slot)
}

func (c *client) freeClosure(ctx context.Context) {
	slot, ok := c.shelf.pickClosure(c.rng.IntN)
	if !ok {
		return
	}
	ctx, cancel := c.cancellable(ctx)
	defer cancel()
	c.begin(model.Input{Op: model.OpFreeClosure, Pointer: slot})
	err := c.group().FreeClosure(ctx, slot)
	class := closureError(err)
	c.end(model.Output{Err: class})
	if class == model.ClassBadSlot || class == "" && !c.leavesIt() {
		c.shelf.dropClosure(slot)
	}
}

// setClosure puts a function into a closure, and takes note of the pointer.
func (c *client) setClosure(ctx context.Context) bool {
	slot, ok := c.shelf.pickClosure(c.rng.IntN)
	p := c.place()
	var names []string
	for _, name := range p.names {
		f := c.s.catalogue.functions[name]
		if f.callable && !f.traps && !f.late && f.params == 1 {
			names = append(names, name)
		}
	}
	if !ok || len(names) == 0 {
		return false
	}
	name := names[c.rng.IntN(len(names))]
	var receipt linker.Receipt
	ctx, cancel := c.cancellable(linker.WithReceipt(ctx, &receipt))
	defer cancel()
	c.begin(model.Input{Op: model.OpSetClosure, Pointer: slot, Handle: p.handle, Next: p.next,
		Name: name})
	err := c.group().SetClosure(ctx, slot, p.lib, name)
	c.endWith(model.Output{Err: closureError(err)}, receipt)
	return true
}

// callClosure calls what a closure holds, if anything. Where traps kill, calling null would.
func (c *client) callClosure(ctx context.Context) bool {
	slot, ok := c.shelf.pickClosure(c.rng.IntN)
	if !ok || c.s.universe.Rules.TrapKillsGroup {
		return false
	}
	c.callSlot(ctx, slot, 1)
	return true
}

func (c *client) spawnOrLeave(ctx context.Context) bool {
	if c.child != nil {
		c.leave(ctx)
		return true
	}
	c.begin(model.Input{Op: model.OpSpawn})
	ctx, cancel := c.cancellable(ctx)
	defer cancel()
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
