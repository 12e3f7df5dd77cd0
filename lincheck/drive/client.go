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

// Shares of the openings, in percent: those of a rival, as a local library, of what is loaded, and with everything bound now.
const (
	rivalShare  = 40
	localShare  = 65
	noLoadShare = 20
	nowShare    = 10
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
	traps  bool // calling it may trap
	late   bool // what it calls may change between two calls
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

// mostOpen is how many libraries a client has open at once: if all were open all the time, every look-up would find the same.
const mostOpen = 4

func (c *client) open(ctx context.Context) bool {
	if len(c.opened) == mostOpen {
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
	c.endWith(model.Output{Handle: c.s.handleOf(name)}, receipt)
	c.opened = append(c.opened, open{lib, name})
	return true
}

// options draws how a library is opened, and notes it in the operation.
func (c *client) options(in *model.Input) []linker.OpenOption {
	var options []linker.OpenOption
	in.Local, in.NoLoad, in.Now = c.rng.IntN(100) < localShare, c.rng.IntN(100) < noLoadShare, c.rng.IntN(100) < nowShare
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
	args, encoded := c.arguments(p.params)
	params := slices.Repeat([]api.ValueType{api.ValueTypeI32}, p.params)
	c.begin(model.Input{Op: model.OpCallPointer, Pointer: p.slot, Args: args})
	results, err := c.group().CallPointer(ctx, p.slot, params, []api.ValueType{api.ValueTypeI32}, encoded...)
	if err != nil {
		c.endFailed(callError("", err), linker.Receipt{})
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
