package proof

import (
	"context"
	"time"
)

// Verdict is what became of an obligation.
type Verdict string

// The verdicts.
const (
	Proved  Verdict = "proved"  // for any number of groups
	Refuted Verdict = "refuted" // there is a counterexample to induction
	Open    Verdict = "open"    // not proved, and there is no small counterexample
)

// Result is the outcome of one obligation.
type Result struct {
	Obligation Obligation
	Verdict    Verdict
	// Counterexample is set where the verdict is [Refuted].
	Counterexample *Counterexample
	Time           time.Duration
}

// counterexampleGroups is how many groups a counterexample has at most.
const counterexampleGroups = 3

// firstTry is how long z3 thinks about an obligation before a counterexample is looked for. Nearly
// all are proved in much less; and what is false, z3 may think about for ever.
const firstTry = 5 * time.Second

// Prove asks z3 about one obligation. If it is not proved soon, Prove looks for a counterexample
// among one, two and three groups, and if there is none gives z3 all the time that the solver
// allows. Errors wrap [ErrSolver] or are the context's.
func (s *System) Prove(ctx context.Context, z Solver, o Obligation) (Result, error) {
	start := time.Now()
	r := Result{Obligation: o, Verdict: Open}
	script := s.Script(o)
	short := z
	short.Limit = min(z.Limit, firstTry)
	answer, _, err := short.Ask(ctx, script)
	if err != nil {
		return r, err
	}
	for groups := 1; answer != Unsat && r.Counterexample == nil &&
		groups <= counterexampleGroups; groups++ {
		if r.Counterexample, err = s.Refute(ctx, z, o, groups); err != nil {
			return r, err
		}
	}
	if answer != Unsat && r.Counterexample == nil && short.Limit < z.Limit {
		if answer, _, err = z.Ask(ctx, script); err != nil {
			return r, err
		}
	}
	switch {
	case answer == Unsat:
		r.Verdict = Proved
	case r.Counterexample != nil:
		r.Verdict = Refuted
	}
	r.Time = time.Since(start)
	return r, nil
}
