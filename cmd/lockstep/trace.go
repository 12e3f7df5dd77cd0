package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/batch"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/tla"
)

func traceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "Record what the protocol of a running linker does, and check it",
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return argumentError{"trace", `want "record", "check" or "tlc"`} },
	}
	cmd.AddCommand(traceRecordCommand(), traceCheckCommand(), traceTLCCommand())
	return cmd
}

// programFlags adds the flags that say what programs traces are recorded of, and what they are if nobody says.
func programFlags(cmd *cobra.Command, p *drive.Program, standard drive.Program) {
	*p = standard
	flags := cmd.Flags()
	flags.Uint64Var(&p.Seed, "seed", p.Seed, "seed of the (first) program")
	flags.IntVar(&p.Groups, "groups", p.Groups, "instance groups in a program")
	flags.IntVar(&p.Clients, "clients", p.Clients, "goroutines in a program")
	flags.IntVar(&p.Rounds, "rounds", p.Rounds, "meetings of the goroutines in a program")
	flags.IntVar(&p.Operations, "operations", p.Operations, "operations of each goroutine between two meetings")
	flags.BoolVar(&p.Cancels, "cancels", p.Cancels, "cancel some operations half-way")
}

// checkProgram checks the flags that programFlags defines, for a command.
func checkProgram(command string, p *drive.Program) error {
	for _, n := range []struct {
		name  string
		value int
	}{{"groups", p.Groups}, {"clients", p.Clients}, {"rounds", p.Rounds}, {"operations", p.Operations}} {
		if n.value < 1 {
			return argumentError{command, fmt.Sprintf("%s must be at least 1, not %d", n.name, n.value)}
		}
	}
	// Every client may spawn a group of its own.
	if most := linker.DefaultMaxGroups; p.Groups+p.Clients > most {
		return argumentError{command, fmt.Sprintf("groups and clients together must be at most %d, not %d", most, p.Groups+p.Clients)}
	}
	return nil
}

// recordTrace runs a program on a linker of its own and writes its trace.
func recordTrace(ctx context.Context, cache wazero.CompilationCache, p drive.Program, w io.Writer) (err error) {
	root, err := stock.Root()
	if err != nil {
		return err
	}
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCompilationCache(cache))
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	world := drive.Fixtures(os.DirFS(filepath.Join(root, "linker", "testdata")))
	_, err = drive.Record(ctx, rt, world, linker.NewConfig(), p, w)
	return err
}

func traceRecordCommand() *cobra.Command {
	var p drive.Program
	var out string
	cmd := &cobra.Command{
		Use:   "record -o FILE",
		Short: "Run a random program on the real linker and record its trace",
		Long: `record runs a random concurrent program on the real linker, with the C fixtures as libraries, and writes every action
of the protocol to a file, which "lockstep trace check" reads. The same seed asks the same questions, in another
interleaving each time. It runs in the source tree.`,
		Example: `  lockstep trace record --seed 3 --output trace.jsonl && lockstep trace check trace.jsonl`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := checkProgram("trace", &p); err != nil {
				return err
			}
			cache := wazero.NewCompilationCache()
			defer func() { err = errors.Join(err, cache.Close(cmd.Context())) }()
			file, err := os.Create(out)
			if err != nil {
				return fmt.Errorf("trace: %w", err)
			}
			err = recordTrace(cmd.Context(), cache, p, file)
			if err := errors.Join(err, file.Close()); err != nil {
				return fmt.Errorf("trace: %w", err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: the trace of the program with seed %d\n", out, p.Seed)
			return nil
		},
	}
	programFlags(cmd, &p, drive.Program{Seed: 1, Groups: 3, Clients: 6, Rounds: 2, Operations: 6, Cancels: true})
	cmd.Flags().StringVarP(&out, "output", "o", "", "file to write")
	if err := cmd.MarkFlagRequired("output"); err != nil {
		panic(err) // there is such a flag
	}
	return cmd
}

func traceCheckCommand() *cobra.Command {
	var ask bool
	cmd := &cobra.Command{
		Use:   "check FILE…",
		Short: "Tell whether traces are behaviours of the protocol",
		Long: `check replays traces against the protocol in Go, and with --tlc against the TLA+ text as well. It shows the first event
of a trace that does not fit, the state before it, and what would have been possible. The exit status is 0 only if all
traces are accepted.

TLC is the jar that the environment variable TLA2TOOLS_JAR names, tla/tools/tla2tools.jar, or a command tlc on PATH.`,
		Example: `  lockstep trace check trace.jsonl
  TLA2TOOLS_JAR=tla2tools.jar lockstep trace check --tlc trace.jsonl`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var tool tla.Tool
			if ask {
				var err error
				if tool, err = findTLC(); err != nil {
					return err
				}
			}
			good := true
			var inputs []batch.Input
			for _, name := range args {
				ok, err := checkTrace(cmd.OutOrStdout(), name)
				if err != nil {
					return err
				}
				good = good && ok
				if !ask {
					continue
				}
				t, err := readTrace(name)
				if err != nil {
					return err
				}
				inputs = append(inputs, batch.Input{Name: name, Trace: t})
			}
			if ask {
				outcome, err := batch.Check(cmd.Context(), tool, inputs)
				if err != nil {
					return fmt.Errorf("trace: %w", err)
				}
				if outcome.Rejected != nil {
					good = false
					fmt.Fprintln(cmd.OutOrStdout(), outcome.Rejected)
				} else {
					fmt.Fprintf(cmd.OutOrStdout(), "%d traces, %d events: accepted by %s\n", outcome.Traces, outcome.Events, outcome.TLC)
				}
			}
			if !good {
				return errVerdict
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&ask, "tlc", false, "ask TLC, too")
	return cmd
}

// checkTrace replays a file and says what came of it. The error is that of a file that cannot be judged.
func checkTrace(w io.Writer, name string) (ok bool, err error) {
	file, err := os.Open(name)
	if err != nil {
		return false, fmt.Errorf("trace: %w", err)
	}
	defer file.Close()
	summary, err := trace.ValidateFile(bufio.NewReader(file))
	var rejected *trace.RejectedError
	switch {
	case errors.As(err, &rejected):
		fmt.Fprintf(w, "%s: %v\n", name, rejected)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(w, "%s: %d events, %d commits, %d groups: accepted\n", name, summary.Events, summary.Commits, summary.Groups)
	return true, nil
}

func readTrace(name string) (*trace.Trace, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	defer file.Close()
	t, err := trace.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

func findTLC() (tla.Tool, error) {
	root, err := stock.Root()
	if err != nil {
		return tla.Tool{}, fmt.Errorf("trace: %w", err)
	}
	return tla.Locator{Dir: filepath.Join(root, "tla")}.Find()
}
