package coord_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// records are shared by all groups. They are changed in two steps, so that they can be seen half
// done: begun is then not ended. No lock of their own guards them, and the explorer watches them
// for races.
type records struct {
	begun, ended int
	published    atomic.Uint64 // what readers without a lock see
}

// slowWork is work with a moment in the middle.
type slowWork struct {
	r      *explore.Run
	own    *plain
	shared *records
	middle atomic.Bool
}

func (w *slowWork) Do(context.Context) (coord.Operation, bool, error) {
	if w.shared.begun != w.shared.ended {
		w.r.Failf("a leader finds the shared state half done: %d begun, %d ended", w.shared.begun,
			w.shared.ended)
	}
	w.shared.begun++
	w.middle.Store(true) // a death can come here
	w.own.applied++
	w.shared.ended++
	return coord.Operation{Kind: protocol.LoadModules}, true, nil
}

func (w *slowWork) Undo(context.Context) error {
	w.shared.ended--
	w.middle.Store(false) // or here
	w.own.applied--
	w.shared.begun--
	return nil
}

func (w *slowWork) Commit(number uint64) { w.shared.published.Store(number) }

// linkSlowly links in a group, if that lives.
func linkSlowly(r *explore.Run, m *coord.Member, own *plain, shared *records) uint64 {
	ctx := context.Background()
	err := m.Enter(ctx)
	var commit uint64
	if err == nil {
		commit, err = m.Link(ctx, &slowWork{r: r, own: own, shared: shared})
		m.Park()
	}
	if err != nil && !errors.Is(err, coord.ErrGroupClosed) {
		r.Failf("link: %v", err)
	}
	return commit
}

// In every schedule of a leader that is killed from outside, at any moment, and of another one, no
// leader finds the shared state half done, and it is whole in the end (tla/Halves.tla).
func TestWorkExplored(t *testing.T) {
	explore.Check(t, func(r *explore.Run) {
		groups, sides, err := plainImage(coord.Config{})
		if err != nil {
			r.Failf("%v", err)
			return
		}
		shared := &records{}
		waits := []func(){
			r.Go("dies", func() { linkSlowly(r, groups[0], sides[0], shared) }),
			r.Go("kills", func() { groups[0].Crash(nil) }),
			r.Go("links", func() {
				if linkSlowly(r, groups[1], sides[1], shared) == 0 {
					r.Failf("the group that lives has not linked")
				}
			}),
		}
		for _, wait := range waits {
			wait()
		}
		if err := groups[0].AwaitOut(context.Background()); err != nil {
			r.Failf("%v", err)
		}
		if shared.begun != shared.ended || shared.begun != sides[1].applied {
			r.Failf("%d begun, %d ended, %d applied", shared.begun, shared.ended, sides[1].applied)
		}
	})
}

// In every schedule of a group that is killed while it changes something under the state lock
// alone, and of a leader, neither finds what is shared half done (tla/Halves.tla: HalfStateDeath).
func TestWithStateExplored(t *testing.T) {
	explore.Check(t, func(r *explore.Run) {
		groups, sides, err := plainImage(coord.Config{})
		if err != nil {
			r.Failf("%v", err)
			return
		}
		shared := &records{}
		change := func() error {
			if shared.begun != shared.ended {
				r.Failf("the shared state is half done: %d begun, %d ended", shared.begun,
					shared.ended)
			}
			shared.begun++
			r.Point("the middle") // a death can come here
			shared.ended++
			return nil
		}
		waits := []func(){
			r.Go("dies", func() {
				err := groups[0].Enter(context.Background())
				if err == nil {
					err = groups[0].WithState(context.Background(), change)
					groups[0].Park()
				}
				if err != nil && !errors.Is(err, coord.ErrGroupClosed) {
					r.Failf("%v", err)
				}
			}),
			r.Go("kills", func() { groups[0].Crash(nil) }),
			r.Go("links", func() {
				if linkSlowly(r, groups[1], sides[1], shared) == 0 {
					r.Failf("the group that lives has not linked")
				}
			}),
		}
		for _, wait := range waits {
			wait()
		}
		if shared.begun != shared.ended {
			r.Failf("%d begun, %d ended", shared.begun, shared.ended)
		}
	})
}

// In every schedule of a leader and a reader without a lock, the reader sees what was counted
// before it looked, and what had returned before it began (tla/Visibility.tla: CountedIsSeen,
// ReadAfterReturn).
func TestVisibilityExplored(t *testing.T) {
	explore.Check(t, func(r *explore.Run) {
		c, groups, sides, err := plainCoordinator(coord.Config{})
		if err != nil {
			r.Failf("%v", err)
			return
		}
		shared := &records{}
		var returned atomic.Uint64
		lead := func() {
			for range 2 {
				returned.Store(linkSlowly(r, groups[0], sides[0], shared))
			}
		}
		read := func() {
			for range 2 {
				floor := returned.Load()
				counted := c.Commits()
				saw := shared.published.Load()
				if saw < counted || saw < floor {
					r.Failf("a reader sees %d operations; %d were counted, %d had returned", saw,
						counted, floor)
				}
			}
		}
		waits := []func(){r.Go("leads", lead), r.Go("reads", read)}
		for _, wait := range waits {
			wait()
		}
	})
}
