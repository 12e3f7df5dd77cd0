package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/batch"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/corrupt"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/tla"
)

// tlcOptions are the flags of "trace tlc".
type tlcOptions struct {
	program drive.Program
	count   int  // traces to record
	batch   int  // traces in one run of TLC
	least   int  // events that each must have
	record  bool // write the record
}

func traceTLCCommand() *cobra.Command {
	var o tlcOptions
	cmd := &cobra.Command{
		Use:   "tlc",
		Short: "Have TLC accept traces of the real linker, and refuse corrupted ones",
		Long: `tlc runs random programs on the real linker, one linker for each, and has both judges
look at the traces: the protocol in Go and TLC. Both must accept all. Then it makes traces wrong, in
every way that there is; both must refuse each, at the right event. With --record it writes the
outcome to tla/` + batch.RecordFile + `, which the tests compare with the specification.`,
		Example: "  lockstep trace tlc --count 10 --batch 10",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkProgram("trace", &o.program); err != nil {
				return err
			}
			if o.count < 1 || o.batch < 1 {
				return argumentError{"trace", "count and batch must be at least 1"}
			}
			tool, err := findTLC()
			if err != nil {
				return err
			}
			record, err := askTLC(cmd, tool, o)
			if err != nil {
				return err
			}
			if err := result.Show(cmd, record, func(io.Writer) {}); err != nil || !o.record {
				return err
			}
			return writeTraceRecord(record)
		},
	}
	programFlags(cmd, &o.program,
		drive.Program{Seed: 1, Groups: 3, Clients: 5, Rounds: 1, Operations: 5, Cancels: true})
	cmd.Flags().IntVar(&o.count, "count", 1000, "traces, each of a program with the next seed")
	cmd.Flags().IntVar(&o.batch, "batch", 100, "traces in one run of TLC")
	cmd.Flags().IntVar(&o.least, "least", 100, "events that every trace must have")
	cmd.Flags().BoolVar(&o.record, "record", false, "write tla/"+batch.RecordFile)
	return cmd
}

// askTLC does what the command does but for writing the record. Where a judge is wrong it has said
// so.
func askTLC(cmd *cobra.Command, tool tla.Tool, o tlcOptions) (*batch.Record, error) {
	ctx, out := cmd.Context(), cmd.OutOrStdout()
	if result.AsJSON(cmd) { // the record is the one value
		out = cmd.ErrOrStderr()
	}
	wrong := func(what any) error {
		err := result.Show(cmd, map[string]string{"wrong": fmt.Sprint(what)}, func(w io.Writer) {
			fmt.Fprintln(w, what)
		})
		return errors.Join(err, errVerdict)
	}
	inputs, err := recordBatch(ctx, o)
	if err != nil {
		return nil, err
	}
	r := &batch.Record{Seed: o.program.Seed, Shortest: len(inputs[0].Trace.Events)}
	if r.Inputs, err = batch.Inputs(tla.Files()); err != nil {
		return nil, err
	}
	for from := 0; from < len(inputs); from += o.batch {
		outcome, err := batch.Check(ctx, tool, inputs[from:min(from+o.batch, len(inputs))])
		if err != nil {
			return nil, fmt.Errorf("trace: %w", err)
		}
		if outcome.Rejected != nil {
			return nil, wrong(outcome.Rejected)
		}
		r.TLC = outcome.TLC
		r.Accepted += outcome.Traces
		r.Events += outcome.Events
		fmt.Fprintf(cmd.ErrOrStderr(), "%d of %d traces accepted\n", r.Accepted, len(inputs))
	}
	for _, input := range inputs {
		r.Shortest = min(r.Shortest, len(input.Trace.Events))
	}
	fmt.Fprintf(out, "%d traces of at least %d events, %d in all: accepted by Go and by %s\n",
		r.Accepted, r.Shortest, r.Events, r.TLC)
	for _, kind := range corrupt.Kinds() {
		refused, err := batch.Refute(ctx, &tool, kind, inputs)
		if errors.Is(err, batch.ErrAccepted) {
			return nil, wrong(err)
		}
		if err != nil {
			return nil, err
		}
		r.Refused = append(r.Refused, refused)
		fmt.Fprintf(out, "%s: refused at event %d of %d, %s: %s\n", kind.Name, refused.Event,
			refused.Of, refused.Step, refused.Reason)
	}
	return r, nil
}

// recordBatch runs the programs, and validates each trace in Go.
func recordBatch(ctx context.Context, o tlcOptions) (inputs []batch.Input, err error) {
	cache := wazero.NewCompilationCache()
	defer func() { err = errors.Join(err, cache.Close(context.WithoutCancel(ctx))) }()
	for i := range o.count {
		p := o.program
		p.Seed += uint64(i)
		var file bytes.Buffer
		if err := recordTrace(ctx, cache, p, &file); err != nil {
			return nil, fmt.Errorf("trace: seed %d: %w", p.Seed, err)
		}
		t, err := trace.Read(&file)
		if err == nil {
			_, err = trace.Validate(t)
		}
		if err != nil {
			return nil, fmt.Errorf("trace: seed %d: %w", p.Seed, err)
		}
		if len(t.Events) < o.least {
			return nil, argumentError{"trace",
				fmt.Sprintf("seed %d: %d events, want %d: the program is too small", p.Seed,
					len(t.Events), o.least)}
		}
		inputs = append(inputs, batch.Input{Name: fmt.Sprintf("seed %d", p.Seed), Trace: t})
	}
	return inputs, nil
}

func writeTraceRecord(r *batch.Record) error {
	root, err := stock.Root()
	if err != nil {
		return fmt.Errorf("trace: %w", err)
	}
	data, err := r.JSON()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "tla", batch.RecordFile), data, 0o644); err != nil {
		return fmt.Errorf("trace: write the record: %w", err)
	}
	return nil
}
