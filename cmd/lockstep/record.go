package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
)

// recordOptions are the flags of "record".
type recordOptions struct {
	seed       uint64
	groups     int
	clients    int
	operations int
	timeout    time.Duration
	out        string
}

// memoryLimit is what Go's runtime is told to get along with, in bytes, while a history is recorded or judged: without it, the collector
// lets the heap grow to twice what is needed. The runtime may go beyond it for a moment, and the program itself is not counted: a million
// operations are to be judged within one GiB.
const memoryLimit = 3 << 28

// betweenMeetings is how many operations a client of "record" performs before all of them meet.
const betweenMeetings = 1000

func recordCommand() *cobra.Command {
	var o recordOptions
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Run one long program on the real linker, and judge its history",
		Long: `record runs a random concurrent program on the real linker, with the C fixtures as libraries, and judges its history. Every
operation of this program knows its place in the order of commits, so the history is judged by that order, and may be long: a
million operations take seconds. What is printed is how long running and judging took, and the memory that was in use at the
end of it, the whole history included, and the most that there was at any time, the linker's included. With --output the history
is written to a file, which "lockstep judge" reads in a process of its own. The exit status is 0 only if the history is
linearizable. It runs in the source tree.`,
		Example: `  lockstep record --operations 1000000
  lockstep record --operations 10000 --seed 7 --output history.jsonl && lockstep judge history.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return record(cmd, o) },
	}
	flags := cmd.Flags()
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the program")
	flags.IntVar(&o.groups, "groups", 4, "instance groups")
	flags.IntVar(&o.clients, "clients", 8, "goroutines")
	flags.IntVar(&o.operations, "operations", 100000, "operations of all goroutines together, at least")
	flags.DurationVar(&o.timeout, "timeout", time.Minute, "time for judging the history")
	flags.StringVarP(&o.out, "output", "o", "", "file to write the history to")
	return cmd
}

func (o recordOptions) program() (drive.Program, error) {
	p := drive.Program{Seed: o.seed, Groups: o.groups, Clients: o.clients, Rounds: 1, Operations: 1, Numbered: true}
	if err := checkProgram("record", &p); err != nil {
		return p, err
	}
	if o.operations < 1 {
		return p, argumentError{"record", fmt.Sprintf("operations must be at least 1, not %d", o.operations)}
	}
	each := (o.operations + o.clients - 1) / o.clients
	p.Operations = min(each, betweenMeetings)
	p.Rounds = (each + p.Operations - 1) / p.Operations
	return p, nil
}

func record(cmd *cobra.Command, o recordOptions) error {
	p, err := o.program()
	if err != nil {
		return err
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	begun := time.Now()
	h, err := runNumbered(cmd.Context(), p)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	ran := time.Since(begun)
	runtime.GC() // what running left behind is not what judging needs
	begun = time.Now()
	result := lincheck.CheckOrder(h, lincheck.Limits{Timeout: o.timeout})
	judged := time.Since(begun)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out := cmd.OutOrStdout()
	fmt.Fprintf(out, "%d operations of %d goroutines in %d groups: %s\n", len(h.Operations), p.Clients, p.Groups, result)
	fmt.Fprintf(out, "run in %s, judged in %s; %d MiB on the heap, peak memory %d MiB\n",
		ran.Round(time.Millisecond), judged.Round(time.Millisecond), m.HeapInuse>>20, peakMemory()>>20)
	if o.out != "" {
		if err := writeFile(o.out, func(w io.Writer) error { return lincheck.WriteHistory(w, h) }); err != nil {
			return fmt.Errorf("record: %w", err)
		}
		fmt.Fprintf(out, "%s: the history\n", o.out)
	}
	if result.Verdict != lincheck.OK {
		return errVerdict
	}
	return nil
}

// runNumbered runs a program on a linker of its own.
func runNumbered(ctx context.Context, p drive.Program) (_ *lincheck.History, err error) {
	root, err := stock.Root()
	if err != nil {
		return nil, err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	subject, err := drive.New(ctx, rt, drive.Fixtures(os.DirFS(filepath.Join(root, "linker", "testdata"))), linker.NewConfig())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, subject.Linker.Close(context.WithoutCancel(ctx))) }()
	return subject.Run(ctx, p, nil)
}

// writeFile creates a file and writes it. An error of closing counts: what was written is then not there.
func writeFile(name string, write func(io.Writer) error) (err error) {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	w := bufio.NewWriter(file)
	if err := write(w); err != nil {
		return err
	}
	return w.Flush()
}
