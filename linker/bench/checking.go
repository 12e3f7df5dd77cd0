package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/tla"
)

// checkingRows are explorations of the protocol, against TLC, in wall-clock time.
func checkingRows() []row {
	return []row{{"explorer, for each distinct state", 0.05, exploring}}
}

// exploring compares exploring a model with TLC's. Of TLC's time that of a small model is taken
// off: it is Java's start, mostly.
func exploring(m *meter) error {
	tool, err := tla.Locator{Dir: "tla"}.Find()
	if err != nil {
		return lacks(m.ctx, err)
	}
	suite, err := tla.LoadSuite(os.DirFS("tla"))
	if err != nil {
		return err
	}
	small, err := suite.Model("small")
	if err != nil {
		return err
	}
	large, err := suite.Model("allclosures")
	if err != nil {
		return err
	}
	p := pair{peer: "TLC, two workers", own: "explorer"}
	for range min(m.rounds, 3) {
		start, few, err := runTLC(m.ctx, tool, small)
		if err != nil {
			return err
		}
		took, many, err := runTLC(m.ctx, tool, large)
		if err != nil {
			return err
		}
		own, err := explore(m.ctx, large, many)
		if err != nil {
			return err
		}
		p.peerRuns, p.ownRuns = many-few, many
		p.peerNS = append(p.peerNS, float64(took-start)/float64(many-few))
		p.ownNS = append(p.ownNS, float64(own)/float64(many))
	}
	m.pairs = append(m.pairs, p)
	return nil
}

// runTLC checks a model with TLC, and returns how long it took and the number of distinct states.
func runTLC(ctx context.Context, tool tla.Tool, model tla.Model) (time.Duration, int, error) {
	begin := time.Now()
	out, err := tool.Run(ctx, tla.Run{Dir: "tla", Model: model, Workers: 2})
	if err != nil {
		return 0, 0, lacks(ctx, err)
	}
	return time.Since(begin), out.Stats.Distinct, nil
}

// explore explores a model, which has to have as many distinct states as TLC found.
func explore(ctx context.Context, what tla.Model, states int) (time.Duration, error) {
	x, err := model.NewExplorer(os.DirFS("tla"), what)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	found, err := x.Run(ctx)
	if err == nil && found.Distinct != states {
		err = fmt.Errorf("%w: %d, and TLC %d", errStates, found.Distinct, states)
	}
	return time.Since(begin), err
}
