package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/internal/process"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/testdata"
)

// recordOptions are the flags of "record".
type recordOptions struct {
	seed       uint64
	groups     int
	clients    int
	operations int
	timeout    time.Duration
	out        string
	names      bool
}

// memoryLimit is what Go's runtime is told to get along with, in bytes, while a history is recorded
// or judged: without it, the collector lets the heap grow to twice what is needed. The runtime may
// go beyond it for a moment, and the program itself is not counted: a million operations are to be
// judged within one GiB.
const memoryLimit = 3 << 28

// betweenMeetings is how many operations a client of "record" performs before all of them meet.
const betweenMeetings = 1000

// betweenNames is the same with --names: histories that are judged without numbers, too.
const betweenNames = 8

func recordCommand() *cobra.Command {
	var o recordOptions
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Run one long program on the real linker, and judge its history",
		Long: `record runs a random concurrent program on the real linker, with the C fixtures as
libraries, and judges its history. Every operation of this program knows its place in the order of
commits, so the history is judged by that order, and may be long: a million operations take
seconds. What is printed is how long running and judging took, and the memory that was in use at
the end of it, the whole history included, and the most that there was at any time, the linker's
included. With --output the history is written to a file, which "lockstep judge" reads in a
process of its own. With --names the program only opens, closes and looks up libraries that need
nothing, through handles that all goroutines share: what tla/LinkerResults.tla has words for, so
that "lockstep judge --by both" can judge it. The exit status is 0 only if the history is
linearizable. After a signal, what was done so far is judged and written.`,
		Example: `  lockstep record --operations 1000000
  lockstep record --operations 10000 --seed 7 --output history.jsonl && lockstep judge history.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return record(cmd, o) },
	}
	flags := cmd.Flags()
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the program")
	flags.IntVar(&o.groups, "groups", 4, "instance groups")
	flags.IntVar(&o.clients, "clients", 8, "goroutines")
	flags.IntVar(
		&o.operations,
		"operations",
		100000,
		"operations of all goroutines together, at least",
	)
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "time for judging the history")
	flags.BoolVar(&o.names, "names", false, "only what the specification has words for")
	flags.StringVarP(&o.out, "output", "o", "", "file to write the history to")
	return cmd
}

func (o recordOptions) program() (drive.Program, error) {
	p := drive.Program{
		Seed:       o.seed,
		Groups:     o.groups,
		Clients:    o.clients,
		Rounds:     1,
		Operations: 1,
		Numbered:   true,
		Names:      o.names,
		Shared:     o.names,
	}
	if err := checkProgram("record", &p); err != nil {
		return p, err
	}
	if o.operations < 1 {
		return p, argumentError{
			"record",
			fmt.Sprintf("operations must be at least 1, not %d", o.operations),
		}
	}
	each := (o.operations + o.clients - 1) / o.clients
	p.Operations = min(each, betweenMeetings)
	if o.names {
		p.Operations = min(each, betweenNames)
	}
	p.Rounds = (each + p.Operations - 1) / p.Operations
	return p, nil
}

// recorded is the result of "record".
type recorded struct {
	Operations int           `json:"operations"`
	Goroutines int           `json:"goroutines"`
	Groups     int           `json:"groups"`
	Stopped    bool          `json:"stopped,omitempty"` // by a signal, before its end
	Verdict    string        `json:"verdict"`
	Reason     string        `json:"reason,omitempty"`
	Running    time.Duration `json:"running_ns"`
	Judging    time.Duration `json:"judging_ns"`
	Heap       uint64        `json:"heap_bytes"`
	Memory     uint64        `json:"peak_memory_bytes"`
	File       string        `json:"file,omitempty"`
}

func record(cmd *cobra.Command, o recordOptions) (err error) {
	p, err := o.program()
	if err != nil {
		return err
	}
	var file *resultFile
	if o.out != "" {
		if file, err = openResult(o.out); err != nil {
			return fmt.Errorf("record: %w", err)
		}
		defer file.close()
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	begun := time.Now()
	h, err := runNumbered(cmd.Context(), p)
	stopped := cmd.Context().Err() != nil && h != nil
	if err != nil && !stopped {
		return fmt.Errorf("record: %w", err)
	}
	r := recorded{
		Operations: len(h.Operations),
		Goroutines: p.Clients,
		Groups:     p.Groups,
		Stopped:    stopped,
		Running:    time.Since(begun),
		File:       o.out,
	}
	if !stopped {
		runtime.GC() // what running left behind is not what judging needs
	}
	begun = time.Now()
	limits := lincheck.Limits{Timeout: o.timeout}
	if stopped {
		limits.Timeout = process.Grace / 2
	}
	judged := lincheck.CheckOrder(h, limits)
	r.Judging = time.Since(begun)
	r.Verdict, r.Reason = judged.Verdict.String(), judged.Explanation
	if judged.Err != nil {
		r.Reason = judged.Err.Error()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	r.Heap, r.Memory = m.HeapInuse, peakMemory()
	if file != nil { // also of a run that was stopped: what was done is a whole history
		if err := file.commit(func(w io.Writer) error {
			return lincheck.WriteHistory(w, h)
		}); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	if err := result.Show(cmd, r, func(w io.Writer) { r.write(w, judged) }); err != nil {
		return err
	}
	if judged.Verdict != lincheck.OK {
		return errVerdict
	}
	return nil
}

func (r *recorded) write(w io.Writer, judged lincheck.Result) {
	if r.Stopped {
		fmt.Fprint(w, "stopped after ")
	}
	fmt.Fprintf(
		w,
		"%d operations of %d goroutines in %d groups: %s\n",
		r.Operations,
		r.Goroutines,
		r.Groups,
		judged,
	)
	fmt.Fprintf(
		w,
		"run in %s, judged in %s; %d MiB on the heap, peak memory %d MiB\n",
		r.Running.Round(
			time.Millisecond,
		),
		r.Judging.Round(time.Millisecond),
		r.Heap>>20,
		r.Memory>>20,
	)
	if r.File != "" {
		fmt.Fprintf(w, "%s: the history\n", r.File)
	}
}

// runNumbered runs a program on a linker of its own. When ctx ends, the history so far comes with
// the error.
func runNumbered(ctx context.Context, p drive.Program) (h *lincheck.History, err error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	world := drive.Fixtures(testdata.FS())
	if p.Names {
		world = drive.Names(testdata.FS())
	}
	subject, err := drive.New(ctx, rt, world, linker.NewConfig())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, subject.Linker.Close(context.WithoutCancel(ctx))) }()
	return subject.Run(ctx, p, nil)
}
