package linker

import (
	"context"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/guestabi"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/presence"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
)

// Group is an instance group: one thread of the guest. It has its own instance of every module, its
// own function table, globals and stack; all groups share the memory. All methods are safe for
// concurrent use, but one goroutine at a time is inside a group, and the others wait.
type Group struct {
	// Set before another goroutine can reach the group.
	l      *Linker
	member *coord.Member
	id     int
	thread int32           // its number, if the guest has started it
	as     presence.Thread // the group as activations see it

	// Safe for concurrent use by themselves.
	spare     presence.Spare        // an activation that has ended, to be used again
	cause     atomic.Pointer[error] // why it is dying; set once
	closing   atomic.Int32          // how many want it to stop
	forgotten atomic.Bool           // what it had in memory was given back

	// What follows belongs to the goroutine that holds the group (coord.Member.Hold: while a
	// goroutine builds it, is inside, or releases it), and, while the coordinator holds the
	// group still, to the one that replays an operation for it. When the group is dying, it belongs
	// to the goroutine that has the lock after AwaitOut.
	space      space.Space // what steps of operations see of the group
	guest      guestabi.Guest
	allocating bool        // a call of the guest's allocator is under way
	turned     bool        // its goroutine has the image's turn
	recent     *namedCalls // calls by name; nil before the first
}

// ID returns the group's number. That of the first group is 0; numbers of closed groups are used
// again.
func (g *Group) ID() int { return g.id }

// Linker returns the linker that the group belongs to.
func (g *Group) Linker() *Linker { return g.l }

func newGroup(l *Linker) *Group {
	g := &Group{l: l, space: space.New(&l.shared)}
	g.space.Inject = func(ctx context.Context, at failpoint.Point) error {
		return l.config.inject.At(ctx, g, at)
	}
	g.space.Leads = func(ctx context.Context) bool { return activationOf(ctx).leads() }
	g.space.Dropped = func(m *image.Module) {
		g.recent = nil
		l.dtors.DropThread(g, m)
	}
	return g
}

// Memory returns the linear memory, which is the same for all groups.
func (g *Group) Memory() api.Memory { return g.l.Memory() }
