package drive

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Program is what the clients do.
type Program struct {
	Seed    uint64
	Groups  int // instance groups that exist all the time, at least 1
	Clients int // goroutines; client i works in group i mod Groups, at least 1
	// how often all clients meet; a judge can look at each round by itself
	Rounds     int
	Operations int  // operations of each client in a round
	Cancels    bool // cancel some operations half-way
	Shared     bool // clients share handles and closures, and close what others use
	// only operations that know their place in the order of commits; see numbers.go
	Numbered bool
	// only openings, closings and look-ups of what Names has; see names.go
	Names  bool
	Stamps lincheck.Stamps // lincheck.Plain hunts data races, lincheck.Ordered judges
}

// Run runs a program and returns its history. progress is called now and then with the operations
// done so far; it may be nil, and has to be safe for concurrent use. An error is one of the
// subject, not of what the program found: failed operations are part of the history.
func (s *Subject) Run(ctx context.Context, p Program,
	progress func(operations int64)) (*lincheck.History, error) {
	groups := []*linker.Group{s.Linker.Main()}
	for len(groups) < p.Groups {
		g, err := groups[0].Spawn(ctx)
		if err != nil {
			return nil, fmt.Errorf("drive: group %d: %w", len(groups), err)
		}
		groups = append(groups, g)
	}
	universe := s.universe
	universe.FirstGroup = s.Linker.Main().ID()
	universe.Rules.Unnumbered, universe.Rules.HandlePerOpen = !p.Numbered, true
	recorder := lincheck.NewRecorder(universe, p.Seed, p.Stamps)
	clients := make([]*client, p.Clients)
	// The groups above were spawned before the recording began; in the history the first client
	// spawns them.
	introduce(recorder, groups)
	common := &shelf{shared: true}
	for i := range clients {
		own := common
		if !p.Shared {
			own = &shelf{}
		}
		clients[i] = &client{
			shelf: own,
			s:     s, rec: recorder.Client(), base: groups[i%len(groups)],
			rng:     rand.New(rand.NewPCG(p.Seed, uint64(i))),
			cancels: p.Cancels, numbered: p.Numbered, names: p.Names, first: uint64(len(groups)),
		}
	}
	var done atomic.Int64
	for range p.Rounds {
		var wg sync.WaitGroup
		for _, c := range clients {
			wg.Go(func() {
				for range p.Operations {
					if ctx.Err() != nil {
						return
					}
					c.operate(ctx)
					if n := done.Add(1); progress != nil {
						progress(n)
					}
				}
			})
		}
		wg.Wait()
	}
	for _, c := range clients {
		c.finish(context.WithoutCancel(ctx))
	}
	for _, g := range groups[1:] {
		if err := g.Close(context.WithoutCancel(ctx)); err != nil {
			return nil, fmt.Errorf("drive: closing group %d: %w", g.ID(), err)
		}
	}
	if err := s.Linker.Err(); err != nil {
		return recorder.History(), fmt.Errorf("drive: %w", err)
	}
	return recorder.History(), ctx.Err()
}
