package linker

import (
	"context"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/table"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// linkOp is a link operation in the hands of its leader: what coord calls the work. It
// holds the lease and the state lock, so it may change the linker's state. It changes groups
// through steps only, which the other groups then replay.
//
// Life cycle: Do copies the state and runs the operation in the leader. The coordinator publishes
// the steps, and every other group applies them in their order. Then Commit publishes the state as
// a snapshot, or Undo takes the steps back, the last first, and puts the copy back. If a
// constructor waits for others, the operation commits early, from within Do: see giveWay.
//
// Invariants:
//
//   - Readers without a lock see the snapshot from before until Commit.
//   - steps are those that succeeded in the leader, in order. A step that failed in a group has
//     left nothing in that group.
//   - Each of the other slices lists what an undo gives back. A savepoint is their lengths, so a
//     nested operation that fails is taken back alone.
//   - Readers see the handles that the operation opened, and its threads begin, after the commit.
//
// Rejected: a log of inverse changes of the state. The state is a value whose maps are persistent,
// so a copy costs little, and restores everything, also a field that is added later.
type linkOp struct {
	l    *Linker
	g    *Group
	kind protocol.OpKind
	do   func(ctx context.Context, op *linkOp) error

	saved   state
	steps   []space.Step
	regions []uint32        // of memory, given back when it fails
	modules []*image.Module // compiled for it; their code is closed when it fails
	opened  []*image.Module // whose handles were counted
	// to constructors, say, which may keep them whatever becomes of the operation
	handed []*Library
	slots  []table.Owned // entries of the function table that were taken
	// closures that were taken which had been given back; also by failed parts
	again     []uint32
	performed int // steps that were begun: code of the guest may have run
	// released are handles that constructors gave up, and threads those that they have started.
	released []*Library
	threads  []lateThread
	depth    int // of constructors within each other that have called the linker
	// constructs says that a constructor runs, and that all that was done before it is complete.
	constructs bool
	early      bool  // it was committed while a constructor ran; nothing here counts any more
	broken     error // a part of it that failed could not be taken back, so the whole fails
	refused    bool  // it failed before it was published, at what it found or did not find
}

// savepoint is a moment of an operation: its state, and how much had been done.
type savepoint struct {
	state                           state
	steps, regions, modules, opened int
	handed, released, threads       int
	slots, again, performed         int
}
