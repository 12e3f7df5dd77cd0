package tlc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/tla"
)

func newGraphCommand(dirs *folders) *cobra.Command {
	var file string
	command := &cobra.Command{
		Annotations: map[string]string{textOnly: "yes"},
		Example:     "  lockstep tlc graph small -o small.dot",
		Use:         "graph NAME -o FILE",
		Short:       "Write the complete state graph of a model (DOT, actions as labels)",
		Args:        cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			suite, err := dirs.suite()
			if err != nil {
				return err
			}
			m, err := suite.Model(args[0])
			if err != nil {
				return err
			}
			tool, err := dirs.tool(command.Context(), command)
			if err != nil {
				return err
			}
			outcome, err := tool.Run(command.Context(),
				tla.Run{Dir: dirs.specs, Model: m, Graph: file})
			if err != nil {
				return err
			}
			if outcome.Verdict != tla.VerdictOK {
				return fmt.Errorf("%w: model %s: %v: %s", errPartial, m.Name, outcome.Verdict, file)
			}
			fmt.Fprintf(command.OutOrStdout(), "%s: %d states\n", file, outcome.Stats.Distinct)
			return nil
		},
	}
	command.Flags().StringVarP(&file, "output", "o", "",
		"the file; TLC appends .dot where it is missing")
	_ = command.MarkFlagRequired("output") // fails for unknown flags only
	return command
}

func newEmbeddedCommand(dirs *folders) *cobra.Command {
	return &cobra.Command{
		Example: "  lockstep tlc embedded small",
		Use:     "embedded [NAME…]",
		Short:   "Check models with the embedded checker, without Java (slow; safety only)",
		RunE: func(command *cobra.Command, names []string) error {
			suite, err := dirs.suite()
			if err != nil {
				return err
			}
			models, err := suite.Select(names...)
			if err != nil {
				return err
			}
			return runEmbedded(command, suite, models, len(names) > 0)
		},
	}
}

// embedded is a model that the embedded checker has checked, as JSON shows it.
type embedded struct {
	Model          string                         `json:"model"`
	Verdict        string                         `json:"verdict"`
	Distinct       int                            `json:"distinct"`
	Property       string                         `json:"property,omitempty"`
	Error          string                         `json:"error,omitempty"`
	Counterexample *counterexample.Counterexample `json:"counterexample,omitempty"`
}

// runEmbedded checks the models that are marked for the embedded checker, or all of them where they
// were named. A check cannot be interrupted; after a signal no other begins.
func runEmbedded(command *cobra.Command, suite *tla.Suite, models []tla.Model, named bool) error {
	ctx := command.Context()
	wasm, err := stock.Read(stock.TLAChecker)
	if err != nil {
		return err
	}
	checker, err := tla.NewChecker(ctx, wasm, tla.CheckerConfig{})
	if err != nil {
		return err
	}
	defer checker.Close(context.WithoutCancel(ctx))
	all, failed := []embedded{}, false
	for _, m := range models {
		if !m.Embedded && !named {
			continue
		}
		if ctx.Err() != nil {
			break
		}
		e := embedded{Model: m.Name}
		checked, err := checker.CheckModel(ctx, suite, m)
		if checked != nil {
			e.Verdict, e.Distinct, e.Property = checked.Verdict.String(), checked.Distinct,
				checked.Property
		}
		if err != nil {
			failed, e.Error = true, err.Error()
			if checked != nil && checked.Trace != nil {
				e.Counterexample = explain(suite, checked.Trace)
			}
		}
		all = append(all, e)
		if !result.AsJSON(command) {
			e.write(command.OutOrStdout())
		}
	}
	if err := result.Show(command, all, func(io.Writer) {}); err != nil {
		return err
	}
	if failed {
		return errChecks
	}
	return nil
}

func (e *embedded) write(w io.Writer) {
	fmt.Fprintf(w, "%s: ", e.Model)
	if e.Verdict != "" {
		fmt.Fprintln(w, strings.TrimSpace(fmt.Sprintf("%s, %d states %s", e.Verdict, e.Distinct,
			e.Property)))
	}
	if e.Error != "" {
		fmt.Fprintln(w, e.Error)
	}
	if e.Counterexample != nil {
		fmt.Fprintf(w, "\n%s\n", e.Counterexample)
	}
}

func newServerCommand(dirs *folders) *cobra.Command {
	var dry bool
	command := &cobra.Command{
		Annotations: map[string]string{textOnly: "yes"},
		Example:     "  lockstep tlc server large --dry-run",
		Use:         "server NAME",
		Short:       "Start the server of TLC's distributed mode for a large model",
		Long: `Start the server of TLC's distributed mode for a large model.

The server hands out states to workers. On every machine that is to help, with the same jar, run

	java -cp tla2tools.jar tlc2.tool.distributed.TLCWorker SERVER

and, to hold the fingerprints elsewhere too, tlc2.tool.distributed.fp.DistributedFPSet; then pass
-Dtlc2.tool.distributed.TLCServer.expectedFPSetCount=N to the server. Liveness cannot be checked
this way. What the server prints is not compared with the record.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			suite, err := dirs.suite()
			if err != nil {
				return err
			}
			m, err := suite.Model(args[0])
			if err != nil {
				return err
			}
			if m.Kind == tla.KindLiveness || m.Kind == tla.KindSimulation {
				return fmt.Errorf("%w: model %s", errSafety, m.Name)
			}
			tool, err := dirs.tool(command.Context(), command)
			if err != nil {
				return err
			}
			serverArgs := []string{"-config", filepath.FromSlash(m.Config), m.Module + ".tla"}
			if !m.Deadlock {
				serverArgs = append([]string{"-deadlock"}, serverArgs...)
			}
			return startServer(command, dirs, tool, serverArgs, dry)
		},
	}
	command.Flags().BoolVar(&dry, "dry-run", false, "print the command instead of running it")
	return command
}

func startServer(command *cobra.Command, dirs *folders, tool tla.Tool, args []string,
	dry bool) (err error) {
	if dry {
		server, err := tool.Server(command.Context(), os.TempDir(), args...)
		if err == nil {
			fmt.Fprintf(command.OutOrStdout(), "cd %s && %s\n", dirs.specs,
				strings.Join(server.Args, " "))
		}
		return err
	}
	temporary, err := os.MkdirTemp("", "lockstep-tlc-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	server, err := tool.Server(command.Context(), temporary,
		append([]string{"-metadir", filepath.Join(temporary, "states")}, args...)...)
	if err != nil {
		return err
	}
	fmt.Fprintf(command.OutOrStdout(), "cd %s && %s\n", dirs.specs, strings.Join(server.Args, " "))
	server.Dir = dirs.specs
	server.Stdout, server.Stderr = command.OutOrStdout(), command.ErrOrStderr()
	return server.Run()
}
