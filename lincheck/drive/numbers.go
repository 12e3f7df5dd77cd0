package drive

import (
	"context"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

// Numbers are places in the order of commits. With a number for every operation a history of any
// length can be judged by its order alone (lincheck.CheckOrder). In a history the construction of
// the linker is number 1, the groups that exist all the time come next, as if they were spawned one
// after the other, and then the linker's own operations, which it counts from 1.
//
// Where an operation of a numbered program has its number from:
//
//   - the linker's receipt, if it gave one: the operation's own commit, or the last commit that it
//     saw, whether it found there what it looked for or not;
//   - otherwise the number of commits when it began. That is right, although others may commit
//     before it ends, because in a numbered program what has no receipt has the same outcome at any
//     moment of its time: it was cancelled, or it is a call through a pointer into the main module
//     or into a library that the client itself holds open. It is not too high for operations that begin later, because the operation has gone into its group meanwhile, which waits for the end of
//     the newest commit.
//
// Closures and groups that come and go have no numbers, nor have calls of functions that look for
// another one when they are called; a numbered program has none of them. See "Why has a look-up
// that finds nothing a place in the order?" in spec/rationale.md.

// number gives an output its number.
func (c *client) number(out model.Output, r linker.Receipt) model.Output {
	switch {
	case r.Commit != 0:
		out.Commit = r.Commit + c.first
	case r.Known:
		out.Read = r.Read + c.first
	case c.numbered:
		out.Read = c.seen + c.first
	}
	return out
}

// unnumbered makes an operation that cannot have a number impossible where every one must have one.
func (c *client) unnumbered(do func(context.Context) bool) func(context.Context) bool {
	return func(ctx context.Context) bool { return !c.numbered && do(ctx) }
}

// introduce notes the groups that exist when a recording begins as spawned by the first of them.
func introduce(r *lincheck.Recorder, groups []*linker.Group) {
	c := r.Client()
	for i, g := range groups[1:] {
		c.Begin(model.Input{Op: model.OpSpawn, Group: groups[0].ID()})
		c.End(model.Output{Group: g.ID(), Commit: uint64(i) + 2})
	}
}
