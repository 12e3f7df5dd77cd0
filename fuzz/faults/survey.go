package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Row is what all detectors said about one fault.
type Row struct {
	Fault    Fault
	Outcomes map[string]Outcome // by the detector's name; one that cannot see the fault is not there
	Missed   []Named            // tests that should have caught it, and did not
	Err      error              // why it could not be put to the test: a *BuildError or an *EditError
}

// Caught tells whether any detector caught the fault.
func (r Row) Caught() bool {
	for _, o := range r.Outcomes {
		if o.Caught {
			return true
		}
	}
	return false
}

// SoundError is the error of a detector that fails without any fault: nothing it says counts.
type SoundError struct {
	Detector string
	Tests    []string
	Output   string
}

func (e *SoundError) Error() string {
	return fmt.Sprintf("faults: detector %s fails on the sound program (%s):\n%s", e.Detector, strings.Join(e.Tests, ", "), e.Output)
}

// Survey runs detectors on faults, several faults at a time. progress, which may
// be nil, is told of every outcome, by one goroutine at a time; a nil fault is the sound
// program. A fault that does not compile or fit has its error in its row. The other
// errors are *SoundError, and the context's.
func Survey(ctx context.Context, root string, faults []Fault, detectors []Detector, parallel int, progress func(f *Fault, d Detector, o Outcome)) ([]Row, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &survey{root: root, detectors: detectors, progress: progress}
	if err := s.sound(ctx, faults); err != nil {
		return nil, err
	}
	rows := make([]Row, len(faults))
	next := make(chan int)
	var wg sync.WaitGroup
	for range max(parallel, 1) {
		wg.Go(func() {
			for i := range next {
				row, err := s.row(ctx, faults[i])
				var build *BuildError
				var edit *EditError
				switch {
				case errors.As(err, &build) || errors.As(err, &edit):
					row.Err = err
				case err != nil:
					cancel(err)
				}
				rows[i] = row
			}
		})
	}
	for i := range faults {
		next <- i
	}
	close(next)
	wg.Wait()
	return rows, context.Cause(ctx)
}

type survey struct {
	root      string
	detectors []Detector
	mu        sync.Mutex // progress
	progress  func(f *Fault, d Detector, o Outcome)
}

func (s *survey) tell(f *Fault, d Detector, o Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.progress != nil {
		s.progress(f, d, o)
	}
}

// sound runs every detector that will be needed without a fault.
func (s *survey) sound(ctx context.Context, faults []Fault) error {
	b, err := NewBench(s.root, Fault{Name: "none"})
	if err != nil {
		return err
	}
	defer b.Close()
	for _, d := range s.detectors {
		if !slices.ContainsFunc(faults, d.CanSee) {
			continue
		}
		o, err := b.Run(ctx, d, "")
		if err != nil {
			return err
		}
		s.tell(nil, d, o)
		if o.Caught {
			return &SoundError{Detector: d.Name, Tests: o.Tests, Output: o.Output}
		}
	}
	return nil
}

// row runs every detector on one fault, and then the tests that must catch it, unless they have been seen to.
func (s *survey) row(ctx context.Context, f Fault) (Row, error) {
	r := Row{Fault: f, Outcomes: map[string]Outcome{}}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	b, err := NewBench(s.root, f)
	if err != nil {
		return r, err
	}
	defer b.Close()
	for _, d := range s.detectors {
		if !d.CanSee(f) {
			continue
		}
		o, err := b.Run(ctx, d, "")
		if err != nil {
			return r, err
		}
		r.Outcomes[d.Name] = o
		s.tell(&f, d, o)
	}
	for _, by := range f.By {
		o, ran := r.Outcomes[by.Detector]
		d, ok := Detect(by.Detector)
		if !ran || !ok || slices.Contains(o.Tests, by.Test) {
			continue
		}
		if o, err = b.Run(ctx, d, by.Test); err != nil {
			return r, err
		}
		if !o.Caught {
			r.Missed = append(r.Missed, by)
		}
	}
	return r, nil
}
