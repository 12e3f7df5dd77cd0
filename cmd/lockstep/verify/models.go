package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/tla"
)

// ModelRow is a model that was explored.
type ModelRow struct {
	Name     string
	Shows    string
	Distinct int // what the explorer found, which is what TLC found
	Depth    int
	Embedded bool // the embedded checker found it, too
}

// FaultRow is a mistake that was looked for.
type FaultRow struct {
	Name     string
	Shows    string
	Property string // what is violated without the guard
	Steps    int    // on the shortest way to the violation

	Counterexample *counterexample.Counterexample
}

// Limits of an exploration, in distinct states: a broken guard in Go can make a model as large as
// it likes.
const (
	slack      = 1000    // more than TLC has found, in a model that should hold
	faultLimit = 200_000 // in a model of a mistake
)

// sound selects the models of the protocol that the explorer walks.
func sound(o *Options, m tla.Model) bool {
	return m.Explorer && m.Exit == 0 && m.Distinct <= o.Exploration
}

// faulty selects the models of the protocol with a guard switched off.
func faulty(_ *Options, m tla.Model) bool { return m.Explorer && m.Exit != 0 }

// embedded selects the models that the embedded checker walks.
func embedded(o *Options, m tla.Model) bool {
	return m.Embedded && (m.Exit != 0 || m.Distinct <= o.Embedded)
}

// selected lists the models for which choose holds.
func selected(o *Options, choose func(*Options, tla.Model) bool) (*tla.Suite, []tla.Model, error) {
	suite, err := tla.LoadSuite(o.Specifications)
	if err != nil {
		return nil, nil, err
	}
	var models []tla.Model
	for _, m := range suite.Models {
		if choose(o, m) {
			models = append(models, m)
		}
	}
	if len(models) == 0 {
		return nil, nil, failed("no model is small enough")
	}
	return suite, models, nil
}

// The sizes of the checks. A suite that cannot be read has none; the check itself then says why.

func stateCount(o *Options) int64 {
	_, models, _ := selected(o, sound)
	var states int64
	for _, m := range models {
		states += int64(m.Distinct)
	}
	return states
}

func faultCount(o *Options) int64 {
	_, models, _ := selected(o, faulty)
	return int64(len(models))
}

func embeddedCount(o *Options) int64 {
	_, models, _ := selected(o, embedded)
	return int64(len(models))
}

func exploreModels(ctx context.Context, o *Options, r *Report, task Task) (string, error) {
	_, models, err := selected(o, sound)
	if err != nil {
		return "", err
	}
	states, before := 0, int64(0)
	for _, m := range models {
		x, err := model.NewExplorer(o.Specifications, m)
		if err != nil {
			return "", err
		}
		x.Progress = func(distinct, _ int) { task.Advance(before + int64(distinct)) }
		x.MaxStates = m.Distinct + slack
		got, err := x.Run(ctx)
		var violation *model.ViolationError
		var limit *model.LimitError
		switch {
		case errors.As(err, &violation):
			return "", violated(m.Name, x.Config, violation)
		case errors.As(err, &limit):
			return "", failed(
				"model %s: more than %d distinct states; TLC finds %d",
				m.Name,
				limit.MaxStates,
				m.Distinct,
			)
		case err != nil:
			return "", fmt.Errorf("model %s: %w", m.Name, err)
		}
		if got.Distinct != m.Distinct || got.Depth != m.Depth {
			return "", failed(
				"model %s: %d distinct states at depth %d; TLC finds %d at %d",
				m.Name,
				got.Distinct,
				got.Depth,
				m.Distinct,
				m.Depth,
			)
		}
		states += got.Distinct
		before += int64(got.Distinct)
		task.Advance(before)
		r.Models = append(
			r.Models,
			ModelRow{Name: m.Name, Shows: m.Shows, Distinct: got.Distinct, Depth: got.Depth},
		)
	}
	return fmt.Sprintf("%d models, %d states, as many as TLC finds", len(models), states), nil
}

func exploreFaults(ctx context.Context, o *Options, r *Report, task Task) (string, error) {
	_, models, err := selected(o, faulty)
	if err != nil {
		return "", err
	}
	for i, m := range models {
		x, err := model.NewExplorer(o.Specifications, m)
		if err != nil {
			return "", err
		}
		want := m.Property
		if want == tla.PropertyDeadlock {
			want = model.Deadlock
		}
		x.MaxStates = faultLimit
		_, err = x.Run(ctx)
		var violation *model.ViolationError
		switch {
		case ctx.Err() != nil:
			return "", ctx.Err()
		case err == nil:
			return "", failed(
				"model %s: with the guard off nothing is violated, want %s",
				m.Name,
				want,
			)
		case !errors.As(err, &violation):
			return "", failed("model %s: want a violation of %s, got %v", m.Name, want, err)
		case violation.Name != want:
			err := violated(m.Name, x.Config, violation).(*FailedError)
			err.Found += ", want " + want
			return "", err
		}
		row := FaultRow{
			Name:     m.Name,
			Shows:    m.Shows,
			Property: violation.Name,
			Steps:    len(violation.Trace) + len(violation.Loop),
		}
		if row.Counterexample, err = counterexample.OfViolation(x.Config, violation); err != nil {
			return "", err
		}
		r.Faults = append(r.Faults, row)
		task.Advance(int64(i + 1))
	}
	return fmt.Sprintf("%d mistakes", len(models)), nil
}

func checkEmbedded(ctx context.Context, o *Options, r *Report, task Task) (_ string, err error) {
	suite, models, err := selected(o, embedded)
	if err != nil {
		return "", err
	}
	wasm, err := stock.Read(stock.TLAChecker)
	if err != nil {
		return "", unlessThere(err)
	}
	checker, err := tla.NewChecker(ctx, wasm, tla.CheckerConfig{})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, checker.Close(context.WithoutCancel(ctx))) }()
	states, complete := 0, 0
	for i, m := range models {
		got, err := checker.CheckModel(ctx, suite, m)
		if err != nil {
			return "", embeddedFailed(o, m, got, err)
		}
		if m.Exit == 0 {
			states += got.Distinct
			complete++
		}
		for j := range r.Models {
			if r.Models[j].Name == m.Name {
				r.Models[j].Embedded = true
			}
		}
		task.Advance(int64(i + 1))
	}
	if complete == 0 {
		return fmt.Sprintf("%d mistakes; no model that holds is small enough", len(models)), nil
	}
	return fmt.Sprintf("%d models, %d states, as many as TLC finds; %d mistakes",
		complete, states, len(models)-complete), nil
}

// embeddedFailed adds the counterexample that the embedded checker has found to an error, if it has
// found one.
func embeddedFailed(o *Options, m tla.Model, got *tla.EmbeddedResult, err error) error {
	if got == nil || got.Trace == nil {
		return err
	}
	x, failure := model.NewExplorer(o.Specifications, m)
	if failure != nil {
		return err
	}
	return &FailedError{
		Found:          err.Error(),
		Counterexample: counterexample.OfTrace(got.Trace, x.Config, x.Ops),
	}
}
