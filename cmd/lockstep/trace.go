package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/lincheck/trace/batch"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/testdata"
	"github.com/lockstep-wasm/lockstep/tla"
	"github.com/lockstep-wasm/lockstep/tla/tlc"
)

func traceCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "Record what the protocol of a running linker does, and check it",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return argumentError{"trace", `want "record", "check" or "tlc"`}
		},
	}
	cmd.AddCommand(traceRecordCommand(), traceCheckCommand(), traceTLCCommand())
	return cmd
}

// programFlags adds the flags for the programs that traces are recorded of, with their defaults.
func programFlags(cmd *cobra.Command, p *drive.Program, standard drive.Program) {
	*p = standard
	flags := cmd.Flags()
	flags.Uint64Var(&p.Seed, "seed", p.Seed, "seed of the (first) program")
	flags.IntVar(&p.Groups, "groups", p.Groups, "instance groups in a program")
	flags.IntVar(&p.Clients, "clients", p.Clients, "goroutines in a program")
	flags.IntVar(&p.Rounds, "rounds", p.Rounds, "meetings of the goroutines in a program")
	flags.IntVar(
		&p.Operations,
		"operations",
		p.Operations,
		"operations of each goroutine between two meetings",
	)
	flags.BoolVar(&p.Cancels, "cancels", p.Cancels, "cancel some operations half-way")
}

// checkProgram checks the flags that programFlags defines, for a command.
func checkProgram(command string, p *drive.Program) error {
	for _, n := range []struct {
		name  string
		value int
	}{{"groups", p.Groups}, {"clients", p.Clients}, {"rounds", p.Rounds},
		{"operations", p.Operations}} {
		if n.value < 1 {
			return argumentError{
				command,
				fmt.Sprintf("%s must be at least 1, not %d", n.name, n.value),
			}
		}
	}
	// Every client may spawn a group of its own.
	if most := linker.DefaultMaxGroups; p.Groups+p.Clients > most {
		return argumentError{
			command,
			fmt.Sprintf(
				"groups and clients together must be at most %d, not %d",
				most,
				p.Groups+p.Clients,
			),
		}
	}
	return nil
}

// recordTrace runs a program on a linker of its own and writes its trace.
func recordTrace(
	ctx context.Context,
	cache wazero.CompilationCache,
	p drive.Program,
	w io.Writer,
) (err error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCompilationCache(cache))
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	world := drive.Fixtures(testdata.FS())
	_, err = drive.Record(ctx, rt, world, linker.NewConfig(), p, w)
	return err
}

func traceRecordCommand() *cobra.Command {
	var p drive.Program
	var out string
	cmd := &cobra.Command{
		Use:   "record -o FILE",
		Short: "Run a random program on the real linker and record its trace",
		Long: `record runs a random concurrent program on the real linker, with the C fixtures as
libraries, and writes every action of the protocol to a file, which "lockstep trace check" reads.
The same seed asks the same questions, in another interleaving each time.`,
		Example: `  lockstep trace record --seed 3 --output trace.jsonl && lockstep trace check trace.jsonl`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := checkProgram("trace", &p); err != nil {
				return err
			}
			cache := wazero.NewCompilationCache()
			defer func() { err = errors.Join(err, cache.Close(cmd.Context())) }()
			file, err := openResult(out)
			if err != nil {
				return fmt.Errorf("trace: %w", err)
			}
			defer file.close()
			err = file.commit(
				func(w io.Writer) error { return recordTrace(cmd.Context(), cache, p, w) },
			)
			if err != nil {
				return fmt.Errorf("trace: %w", err)
			}
			type outcome struct {
				File string `json:"file"`
				Seed uint64 `json:"seed"`
			}
			return result.Show(cmd, outcome{out, p.Seed}, func(w io.Writer) {
				fmt.Fprintf(w, "%s: the trace of the program with seed %d\n", out, p.Seed)
			})
		},
	}
	programFlags(
		cmd,
		&p,
		drive.Program{Seed: 1, Groups: 3, Clients: 6, Rounds: 2, Operations: 6, Cancels: true},
	)
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
		Long: `check replays traces against the protocol in Go, and with --tlc against the TLA+
text as well. Of a trace that does not fit it shows the first event that does not, the actions that
lead there with what each changes, and what would have been possible. The exit status is 0 only if
all traces are accepted.

TLC is the jar that the environment variable TLA2TOOLS_JAR names, tla/tools/tla2tools.jar, or a
command tlc on PATH.`,
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
			return checkTraces(cmd, args, ask, tool)
		},
	}
	cmd.Flags().BoolVar(&ask, "tlc", false, "ask TLC, too")
	return cmd
}

// checkedTrace is what came of one trace.
type checkedTrace struct {
	File     string `json:"file"`
	Accepted bool   `json:"accepted"`
	Events   uint64 `json:"events"`
	Commits  uint64 `json:"commits"`
	Groups   int    `json:"groups"`
	Reason   string `json:"reason,omitempty"` // why it was not accepted, or could not be read

	Counterexample *counterexample.Counterexample `json:"counterexample,omitempty"`
}

// checkTraces replays files, and asks TLC if it is wanted. A file that cannot be read does not keep
// the others from being checked.
func checkTraces(cmd *cobra.Command, files []string, ask bool, tool tla.Tool) error {
	var all []checkedTrace
	var inputs []batch.Input
	good, failed := true, error(nil)
	for _, name := range files {
		if cmd.Context().Err() != nil {
			break
		}
		c, err := checkTrace(name)
		if err != nil {
			c.Reason = err.Error()
			failed = reportFile(cmd, failed, fmt.Errorf("trace: %w", err))
		}
		good = good && c.Accepted
		all = append(all, c)
		if ask && err == nil {
			t, err := readTrace(name)
			if err != nil {
				return fmt.Errorf("trace: %w", err)
			}
			inputs = append(inputs, batch.Input{Name: name, Trace: t})
		}
	}
	if err := result.Show(cmd, all, func(w io.Writer) {
		for _, c := range all {
			switch {
			case c.Accepted:
				fmt.Fprintf(w, "%s: %d events, %d commits, %d groups: accepted\n", c.File, c.Events,
					c.Commits, c.Groups)
			case c.Counterexample != nil:
				fmt.Fprintf(w, "%s: %s\n\n%s", c.File, c.Reason, c.Counterexample)
			}
		}
	}); err != nil {
		return err
	}
	if len(inputs) > 0 {
		said := cmd.OutOrStdout()
		if result.AsJSON(cmd) {
			said = cmd.ErrOrStderr()
		}
		outcome, err := batch.Check(cmd.Context(), tool, inputs)
		switch {
		case err != nil:
			return fmt.Errorf("trace: %w", err)
		case outcome.Rejected != nil:
			good = false
			fmt.Fprintln(said, outcome.Rejected)
		default:
			fmt.Fprintf(said, "%d traces, %d events: accepted by %s\n",
				outcome.Traces, outcome.Events, outcome.TLC)
		}
	}
	switch {
	case failed != nil:
		return failed
	case !good:
		return errVerdict
	}
	return nil
}

// checkTrace replays a file. The error is that of a file that cannot be judged.
func checkTrace(name string) (checkedTrace, error) {
	c := checkedTrace{File: name}
	file, err := os.Open(name)
	if err != nil {
		return c, err
	}
	defer file.Close()
	summary, err := trace.ValidateFile(bufio.NewReader(file))
	var rejected *trace.RejectedError
	if err != nil && !errors.As(err, &rejected) {
		return c, fmt.Errorf("%s: %w", name, err)
	}
	c.Events, c.Commits, c.Groups = summary.Events, summary.Commits, summary.Groups
	if rejected != nil {
		c.Events, c.Counterexample = rejected.Event.Seq, counterexample.OfRejected(rejected)
		c.Reason = fmt.Sprintf("line %d: event %d, %s, does not fit: %s",
			rejected.Line, rejected.Event.Seq, rejected.Event.Step, rejected.Reason())
		return c, nil
	}
	c.Accepted = true
	return c, nil
}

func readTrace(name string) (*trace.Trace, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	t, err := trace.Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t, nil
}

// findTLC finds TLC, as "lockstep tlc" does, but does not download it.
func findTLC() (tla.Tool, error) {
	locator, err := tlc.Locator()
	if err != nil {
		return tla.Tool{}, err
	}
	return locator.Find()
}
