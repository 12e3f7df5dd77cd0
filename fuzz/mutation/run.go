package mutation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

// Options say what is run.
type Options struct {
	Root     string // of the repository, an absolute path
	Folder   string // of the package, in the repository, with slashes
	Sample   int    // how many mutants are drawn; 0 for all
	Seed     uint64 // of the sample
	Only     string // run those alone whose keys contain it; empty for all
	Parallel int    // how many at a time, at least 1
	// Again, which may be nil, is a run of fewer tests, of the same source: those alone that it
	// left are run, for what a test has noticed a larger set of tests notices too.
	Again *Result
	// Progress, which may be nil, is told of every verdict, by one goroutine at a time.
	Progress func(v Verdict, done, all int)
}

// Verdict is what became of a mutant.
type Verdict struct {
	Mutant *Mutant
	Killed bool
	By     string        // the package whose test noticed it
	Test   string        // that test; empty if the tests never ended
	Took   time.Duration // processor time of all tests that ran
}

// Run draws mutants of a package and judges each. Those that are listed as equivalent are not run.
// The errors are those of reading the package, a *faults.SoundError when a test fails without any
// change, ErrChanged, those of the list of equivalent mutants, and the context's.
func Run(ctx context.Context, o Options) (*Result, error) {
	reasons, err := Equivalent()
	if err != nil {
		return nil, err
	}
	if o.Again != nil {
		o.Sample, o.Seed = o.Again.Sample, o.Again.Seed
	}
	r := &Result{Package: o.Folder, Seed: o.Seed}
	drawn, candidates, err := o.draw(ctx)
	if err != nil {
		return nil, err
	}
	r.Sample, r.Candidates = len(drawn), candidates
	var judged []*Mutant
	for _, m := range drawn {
		if reasons[m.Key()] != "" {
			r.Equivalent++
		} else {
			judged = append(judged, m)
		}
	}
	if o.Again != nil {
		left, err := o.Again.left(drawn, judged, candidates)
		if err != nil {
			return nil, err
		}
		r.Killed = len(judged) - len(left)
		judged = left
	}
	if r.verdicts, err = o.judge(ctx, judged); err != nil {
		return nil, err
	}
	for _, v := range r.verdicts {
		if v.Killed {
			r.Killed++
		} else {
			r.Survivors = append(r.Survivors, Survivor{v.Mutant.Key(), v.Mutant.Line})
		}
	}
	return r, nil
}

// ErrChanged says that the survivors on record are no mutants of the source any more, so that all
// have to be run.
var ErrChanged = errors.New("mutation: the source is not the recorded one: run all mutants")

// left returns those that survived of the mutants that are to be judged.
func (r *Result) left(drawn, judged []*Mutant, candidates int) (left []*Mutant, err error) {
	survived := map[string]bool{}
	for _, s := range r.Survivors {
		survived[s.Key] = true
	}
	found := 0
	for _, m := range drawn {
		if survived[m.Key()] {
			found++
		}
	}
	if candidates != r.Candidates || len(drawn) != r.Sample || found != len(r.Survivors) {
		return nil, fmt.Errorf("%w: %s", ErrChanged, r.Package)
	}
	for _, m := range judged {
		if survived[m.Key()] {
			left = append(left, m)
		}
	}
	return left, nil
}

// List draws mutants as Run does, and runs none.
func List(ctx context.Context, o Options) ([]*Mutant, error) {
	drawn, _, err := o.draw(ctx)
	return drawn, err
}

// draw picks the mutants that are run, in the order of the text, and counts the changes that they
// were picked from. Of those, some do not compile; they are not drawn.
func (o *Options) draw(ctx context.Context) (drawn []*Mutant, candidates int, err error) {
	c, err := find(ctx, o.Root, o.Folder)
	if err != nil {
		return nil, 0, err
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0))
	var picked []int
	for _, i := range rng.Perm(len(c.all)) {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		if o.Sample > 0 && len(picked) == o.Sample {
			break
		}
		if strings.Contains(c.all[i].Key(), o.Only) && c.make(c.all[i]) {
			picked = append(picked, i)
		}
	}
	slices.Sort(picked)
	for _, i := range picked {
		drawn = append(drawn, c.all[i])
	}
	return drawn, len(c.all), nil
}

// judge runs the tests on each mutant, several mutants at a time.
func (o *Options) judge(ctx context.Context, mutants []*Mutant) ([]Verdict, error) {
	list, err := detectors(ctx, o.Root, o.Folder)
	if err != nil {
		return nil, err
	}
	sound, err := o.sound(ctx, list)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	verdicts := make([]Verdict, len(mutants))
	next := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex // guards done and the calls of Progress
	done := 0
	for range max(o.Parallel, 1) {
		wg.Go(func() {
			for i := range next {
				v, err := verdict(ctx, o.Root, mutants[i], list, sound)
				if err != nil {
					cancel(err)
					continue
				}
				verdicts[i] = v
				mu.Lock()
				done++
				if o.Progress != nil {
					o.Progress(v, done, len(mutants))
				}
				mu.Unlock()
			}
		})
	}
	for i := range mutants {
		next <- i
	}
	close(next)
	wg.Wait()
	return verdicts, context.Cause(ctx)
}

// sound runs the tests without any change, and returns how much processor time each package takes.
func (o *Options) sound(ctx context.Context, list []faults.Detector) (map[string]time.Duration,
	error) {
	b, err := faults.NewBench(o.Root, faults.Fault{})
	if err != nil {
		return nil, err
	}
	took := map[string]time.Duration{}
	for _, d := range list {
		out, runErr := b.Run(ctx, d, "")
		if runErr == nil && (out.Caught || out.Undecided) {
			runErr = &faults.SoundError{Detector: d.Name, Tests: out.Tests, Output: out.Output}
		}
		if err = runErr; err != nil {
			break
		}
		took[d.Name] = out.Processor
	}
	return took, errors.Join(err, b.Close())
}

// verdict runs the tests on one mutant until one notices it.
func verdict(ctx context.Context, root string, m *Mutant, list []faults.Detector,
	sound map[string]time.Duration) (v Verdict, err error) {
	b, err := faults.NewBench(root, m.fault())
	if err != nil {
		return Verdict{}, fmt.Errorf("mutation: %s: %w", m.Key(), err)
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	b.Sound = sound
	v = Verdict{Mutant: m}
	for _, d := range list {
		out, err := b.Run(ctx, d, "")
		if err != nil {
			return Verdict{}, fmt.Errorf("mutation: %s: %w", m.Key(), err)
		}
		v.Took += out.Processor
		if out.Caught {
			v.Killed, v.By = true, d.Name
			if len(out.Tests) > 0 {
				v.Test = out.Tests[0]
			}
			break
		}
	}
	return v, nil
}
