package batch

import (
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/corrupt"
	"github.com/lockstep-wasm/lockstep/tla"
)

// Errors of Refute.
var (
	// ErrNoPlace means that none of the traces has a place for a kind of corruption.
	ErrNoPlace = errors.New("batch: no trace has a place for it")
	// ErrAccepted means that a judge has not refused a corrupted trace at the right event for a
	// reason that the other can see too.
	ErrAccepted = errors.New("batch: a corrupted trace is not refused as it should be")
)

// Refute makes one of the traces wrong, the first that has a place for this, and has both judges
// refuse it at the right event. tool may be nil, and then TLC is not asked. Errors wrap ErrNoPlace,
// ErrAccepted, or are those of Check.
func Refute(ctx context.Context, tool *tla.Tool, kind corrupt.Kind, inputs []Input) (Refused,
	error) {
	for _, input := range inputs {
		wrong, at, ok := kind.Apply(input.Trace)
		if !ok {
			continue
		}
		refused, err := refuteInGo(kind.Name, wrong, at)
		if err != nil || tool == nil {
			return refused, err
		}
		outcome, err := Check(ctx, *tool, []Input{{Name: input.Name, Trace: wrong}})
		switch {
		case err != nil:
			return refused, fmt.Errorf("corruption %s: %w", kind.Name, err)
		case outcome.Rejected == nil:
			return refused, fmt.Errorf("%w: %s: TLC accepts it", ErrAccepted, kind.Name)
		case outcome.Rejected.Event.Seq != refused.Event:
			return refused, fmt.Errorf("%w: %s: TLC refuses event %d, not %d", ErrAccepted,
				kind.Name, outcome.Rejected.Event.Seq, refused.Event)
		}
		refused.Property = outcome.Rejected.Property
		return refused, nil
	}
	return Refused{Kind: kind.Name}, fmt.Errorf("%w: %s", ErrNoPlace, kind.Name)
}

func refuteInGo(kind string, wrong *trace.Trace, at int) (Refused, error) {
	r := Refused{Kind: kind, Of: len(wrong.Events)}
	_, err := trace.Validate(wrong)
	var rejected *trace.RejectedError
	switch {
	case err == nil:
		return r, fmt.Errorf("%w: %s: trace.Validate accepts it", ErrAccepted, kind)
	case !errors.As(err, &rejected):
		return r, fmt.Errorf("%w: %s: %w", ErrAccepted, kind, err)
	}
	r.Event, r.Step, r.Reason = rejected.Event.Seq, rejected.Event.Step.String(), rejected.Reason()
	if r.Event != uint64(at)+1 {
		return r, fmt.Errorf("%w: %s: trace.Validate refuses event %d, %s (%s), not %d",
			ErrAccepted, kind, r.Event, r.Step, r.Reason, at+1)
	}
	if len(rejected.Differences) == 1 && rejected.Differences[0].Name == "digest" {
		return r, fmt.Errorf("%w: %s: only the digest shows it", ErrAccepted, kind)
	}
	return r, nil
}
