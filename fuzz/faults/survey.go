package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Row is what all detectors said about one fault.
type Row struct {
	Fault Fault
	// by the detector's name; one that cannot see the fault is not there
	Outcomes map[string]Outcome
	Missed   []Named // tests that should have caught it, and did not
	// why it could not be put to the test: a *BuildError, an *ApplyError or a *RecordError
	Err error
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
	return fmt.Sprintf("faults: detector %s fails on the sound program (%s):\n%s", e.Detector,
		strings.Join(e.Tests, ", "), e.Output)
}

// Said is what a detector said, and how far a survey is.
type Said struct {
	Fault    *Fault // nil: the sound program
	Detector Detector
	Outcome  Outcome
	// Done and All are how much of the survey is done, and how much there is. The unit is the time
	// that it would take to run everything on the sound program, so that Done and the time that it
	// took foretell the rest.
	Done, All time.Duration
}

// Survey runs detectors on faults, several faults at a time. progress, which may be nil, is told of
// every outcome, by one goroutine at a time. A fault that does not compile or fit, or that TLC has
// not caught, has its error in its row. The other errors are *SoundError, and the context's.
func Survey(ctx context.Context, root string, faults []Fault, detectors []Detector, parallel int,
	progress func(Said)) ([]Row, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &survey{root: root, detectors: detectors, progress: progress,
		took: map[string]time.Duration{}, processor: map[string]time.Duration{}}
	if err := s.sound(ctx, faults); err != nil {
		return nil, err
	}
	rows := each(ctx, cancel, faults, parallel, s.row)
	return rows, context.Cause(ctx)
}

// Recheck runs on each fault only the tests that must catch it, several faults at a time. That they
// pass on the sound program is for the caller to know. progress and the errors are as Survey has
// them; how much is done is counted in tests.
func Recheck(ctx context.Context, root string, faults []Fault, parallel int,
	progress func(Said)) ([]Row, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &survey{root: root, progress: progress}
	for _, f := range faults {
		s.all += time.Duration(len(f.By)) * compiling
	}
	rows := each(ctx, cancel, faults, parallel, s.named)
	return rows, context.Cause(ctx)
}

// each makes the row of every fault, several at a time.
func each(ctx context.Context, cancel context.CancelCauseFunc, faults []Fault, parallel int,
	row func(context.Context, Fault) (Row, error)) []Row {
	rows := make([]Row, len(faults))
	next := make(chan int)
	var wg sync.WaitGroup
	for range max(parallel, 1) {
		wg.Go(func() {
			for i := range next {
				row, err := row(ctx, faults[i])
				if isOwn(err) {
					row.Err = err
				} else if err != nil {
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
	return rows
}

// isOwn tells whether an error is of one fault alone.
func isOwn(err error) bool {
	return errors.As(err, new(*BuildError)) || errors.As(err, new(*ApplyError)) ||
		errors.As(err, new(*RecordError))
}

type survey struct {
	root      string
	detectors []Detector
	took      map[string]time.Duration // by each detector on the sound program
	processor map[string]time.Duration // likewise; written before there is more than one goroutine
	all       time.Duration

	mu       sync.Mutex // guards what follows
	done     time.Duration
	progress func(Said)
}

// compiling is what the compilation of a test program counts for in the progress.
const compiling = 3 * time.Second

// cost is what a detector counts for in the progress.
func (s *survey) cost(d Detector) time.Duration {
	if d.Judge == ByRecord {
		return 0
	}
	return s.took[d.Name] + compiling
}

// tell passes on what a detector said. done is how much of the survey that was.
func (s *survey) tell(f *Fault, d Detector, o Outcome, done time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done += done
	if s.progress != nil {
		s.progress(Said{Fault: f, Detector: d, Outcome: o, Done: s.done, All: s.all})
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
		seen := 0
		for _, f := range faults {
			if d.CanSee(f) {
				seen++
			}
		}
		if seen == 0 || d.Judge == ByRecord {
			continue
		}
		o, err := b.Run(ctx, d, "")
		if err != nil {
			return err
		}
		s.took[d.Name], s.processor[d.Name] = o.Took, o.Processor
		s.all += time.Duration(seen) * s.cost(d)
		s.tell(nil, d, o, 0)
		if o.Caught || o.Undecided {
			return &SoundError{Detector: d.Name, Tests: o.Tests, Output: o.Output}
		}
	}
	return nil
}

// named runs the tests that must catch a fault.
func (s *survey) named(ctx context.Context, f Fault) (Row, error) {
	r := Row{Fault: f, Outcomes: map[string]Outcome{}}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	b, err := NewBench(s.root, f)
	if err != nil {
		return r, err
	}
	defer b.Close()
	for _, by := range f.By {
		d, ok := Detect(by.Detector)
		if !ok {
			continue
		}
		o, err := b.Run(ctx, d, by.Test)
		if err != nil {
			return r, err
		}
		if !r.Outcomes[by.Detector].Caught {
			r.Outcomes[by.Detector] = o
		}
		if !o.Caught {
			r.Missed = append(r.Missed, by)
		}
		s.tell(&f, d, o, compiling)
	}
	if f.TLC != "" && len(f.By) == 0 { // the specification has it too: TLC alone can tell
		for _, d := range Detectors() {
			if d.Judge != ByRecord {
				continue
			}
			if r.Outcomes[d.Name], err = b.Run(ctx, d, ""); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// row runs every detector on one fault. The tests that must catch it come first, and all tests of a
// detector only if none of those does.
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
	b.Sound = s.processor
	for _, d := range s.detectors {
		if !d.CanSee(f) {
			continue
		}
		o, missed, err := b.byName(ctx, d)
		if err == nil && !o.Caught {
			o, err = b.Run(ctx, d, "")
		}
		if err != nil {
			return r, err
		}
		r.Outcomes[d.Name], r.Missed = o, append(r.Missed, missed...)
		s.tell(&f, d, o, s.cost(d))
	}
	return r, nil
}
