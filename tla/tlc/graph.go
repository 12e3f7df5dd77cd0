package tlc

import (
	"context"
	"fmt"
	"io"
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
		Example: "  lockstep tlc graph small -o small.dot",
		Use:     "graph NAME -o FILE",
		Short:   "Write the complete state graph of a model (DOT, actions as labels)",
		Args:    cobra.ExactArgs(1),
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
			drawn := struct {
				Model  string `json:"model"`
				File   string `json:"file"`
				States int    `json:"states"`
			}{m.Name, file, outcome.Stats.Distinct}
			return result.Show(command, drawn, func(w io.Writer) {
				fmt.Fprintf(w, "%s: %d states\n", drawn.File, drawn.States)
			})
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
