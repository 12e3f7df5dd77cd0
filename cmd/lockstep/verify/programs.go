package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// ProgramRow is a program that ran on the real linker.
type ProgramRow struct {
	Seed       uint64
	Operations int
	Failed     int // operations that ended with an error, as the model expects
	Commits    uint64
	Verdict    lincheck.Verdict
}

// ActionRow is how often an action of the protocol was performed.
type ActionRow struct {
	Action  string
	Count   uint64
	Failing uint64 // in the environment that fails
}

// drawn is the program that the report's picture shows. porcupine's picture is some 280 pixels wide
// for each operation, and one of tens of thousands of pixels shows nothing.
func drawn(o *Options) drive.Program {
	return drive.Program{Seed: o.Seed, Groups: min(o.Groups, 3), Clients: min(o.Clients, 3),
		Rounds: 3, Operations: 3}
}

func operationCount(o *Options) int64 {
	return int64(o.Programs * o.Clients * o.Rounds * o.Operations)
}

func runPrograms(ctx context.Context, o *Options, r *Report, task Task) (_ string, err error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	r.watcher = newWatcher(fmt.Sprintf("%d programs in %d groups", o.Programs, o.Groups))
	subject, err := drive.New(
		ctx,
		rt,
		drive.Fixtures(o.Fixtures),
		linker.NewConfig().WithObserver(r.watcher.Observe),
	)
	if err != nil {
		return "", err
	}
	operations := 0
	for i := range o.Programs {
		before := subject.Linker.Commits()
		program := drive.Program{
			Seed: o.Seed + uint64(
				i,
			), Groups: o.Groups, Clients: o.Clients, Rounds: o.Rounds, Operations: o.Operations,
			Cancels: i%2 == 1,
		}
		h, err := subject.Run(ctx, program, func(n int64) { task.Advance(int64(operations) + n) })
		if err != nil {
			return "", fmt.Errorf("program with seed %d: %w", program.Seed, err)
		}
		row := ProgramRow{
			Seed:       program.Seed,
			Operations: len(h.Operations),
			Commits:    subject.Linker.Commits() - before,
		}
		for _, op := range h.Operations {
			if op.Output.Err != "" || op.Output.Trap != "" {
				row.Failed++
			}
		}
		operations += row.Operations
		result := lincheck.Judge(h, lincheck.Limits{Timeout: o.Timeout})
		row.Verdict = result.Verdict
		r.Programs = append(r.Programs, row)
		if result.Verdict != lincheck.OK {
			draw(r, h, result)
			err := failed("program with seed %d: %s", program.Seed, result)
			if result.Verdict == lincheck.Undecided {
				err = undecidedError{err}
			}
			return "", err
		}
	}
	commits := subject.Linker.Commits()
	h, err := subject.Run(ctx, drawn(o), nil)
	if err != nil {
		return "", fmt.Errorf("the program that is drawn: %w", err)
	}
	result := lincheck.Check(h, lincheck.Limits{Timeout: o.Timeout})
	draw(r, h, result)
	if result.Verdict == lincheck.Violation {
		return "", failed("program with seed %d: %s", o.Seed, result)
	}
	return fmt.Sprintf("%d programs, %d goroutines in %d groups, %d operations, %d commits",
		o.Programs, o.Clients, o.Groups, operations, commits), nil
}

// judgeTrace says whether what the protocol did during the programs was allowed: every event was
// replayed as it happened.
func judgeTrace(_ context.Context, _ *Options, r *Report, _ Task) (string, error) {
	if r.watcher == nil {
		return "", trace.ErrEmpty
	}
	summary := r.watcher.Summary()
	for _, a := range protocol.Actions() {
		r.Actions = append(r.Actions, ActionRow{Action: a.String(), Count: summary.Actions[a]})
	}
	if err := r.watcher.Err(); err != nil {
		return "", failed("%v", err)
	}
	t, err := r.watcher.timeline()
	if err != nil {
		return "", err
	}
	r.Timelines = append(r.Timelines, t)
	return fmt.Sprintf(
		"%d events, %d commits, in %d groups",
		summary.Events,
		summary.Commits,
		summary.Groups,
	), nil
}

// draw makes the report's picture. A history that cannot be drawn is none the worse for it.
func draw(r *Report, h *lincheck.History, result lincheck.Result) {
	var page bytes.Buffer
	if err := result.WritePicture(&page); err != nil {
		return
	}
	r.Picture = page.Bytes()
	r.Drawn = fmt.Sprintf(
		"A short program with seed %d: %d operations, verdict %s",
		h.Seed,
		len(h.Operations),
		result.Verdict,
	)
}
