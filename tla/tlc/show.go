package tlc

import (
	"fmt"
	"io"
	"os"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/model"
	"github.com/lockstep-wasm/lockstep/tla"
)

func newTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	return t
}

// ran is a model that was run, as JSON shows it.
type ran struct {
	Model     string `json:"model"`
	Kind      string `json:"kind"`
	Distinct  int    `json:"distinct"`
	Generated int    `json:"generated"`
	Depth     int    `json:"depth"`
	Verdict   string `json:"verdict"`
	Property  string `json:"property,omitempty"`
	// what is not as expected
	Faults         []string                       `json:"faults,omitempty"`
	Counterexample *counterexample.Counterexample `json:"counterexample,omitempty"`
}

// jsonOf lists the verdicts of a run.
func jsonOf(suite *tla.Suite, all []finished) []ran {
	list := []ran{}
	for _, f := range all {
		r := ran{Model: f.model.Name, Kind: string(f.model.Kind), Faults: f.faults}
		if f.err != nil {
			r.Verdict, r.Faults = tla.VerdictError.String(), append(r.Faults, f.err.Error())
		} else {
			r.Distinct, r.Generated = f.outcome.Stats.Distinct, f.outcome.Stats.Generated
			r.Depth = f.outcome.Depth
			r.Verdict, r.Property = f.outcome.Verdict.String(), f.result.Property
		}
		if f.outcome != nil && f.outcome.Trace != nil {
			r.Counterexample = explain(suite, f.outcome.Trace)
		}
		list = append(list, r)
	}
	return list
}

// showTable prints the verdicts of a run.
func showTable(w io.Writer, all []finished) {
	t := newTable(w)
	t.AppendHeader(
		table.Row{
			"model",
			"kind",
			"distinct",
			"generated",
			"depth",
			"verdict",
			"property",
			"as expected",
		},
	)
	for _, f := range all {
		if f.err != nil {
			t.AppendRow(
				table.Row{f.model.Name, f.model.Kind, "", "", "", tla.VerdictError, "", "no"},
			)
			continue
		}
		expected := "yes"
		if len(f.faults) > 0 {
			expected = "no: " + f.faults[0]
		}
		t.AppendRow(
			table.Row{
				f.model.Name,
				f.model.Kind,
				f.outcome.Stats.Distinct,
				f.outcome.Stats.Generated,
				f.outcome.Depth,
				f.outcome.Verdict,
				f.result.Property,
				expected,
			},
		)
	}
	t.Render()
}

// explain makes of a trace what is shown: the actions with their parameters, and what each changes.
// The suite may be nil, or may not have the model of the trace: then the actions are as the checker
// names them.
func explain(suite *tla.Suite, trace *tla.Trace) *counterexample.Counterexample {
	if suite != nil {
		if m, err := suite.Model(trace.Model); err == nil {
			if x, err := model.NewExplorer(suite.FS, m); err == nil {
				return counterexample.OfTrace(trace, x.Config, x.Ops)
			}
		}
	}
	return counterexample.OfTrace(trace, protocol.Config{}, nil)
}

func newTraceCommand(dirs *folders) *cobra.Command {
	return &cobra.Command{
		Use:     "trace FILE",
		Short:   "Show a saved counterexample (this command's, or TLC's -dumpTrace json)",
		Example: "  lockstep tlc trace out/small.trace.json",
		Args:    cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			trace, err := tla.ReadTrace(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			suite, err := dirs.suite()
			if err != nil {
				suite = nil // a trace can be shown without
			}
			c := explain(suite, trace)
			return result.Show(
				command,
				c,
				func(w io.Writer) { _ = c.WriteText(w) },
			) // the output remembers an error
		},
	}
}

// listed is a model as "tlc list" shows it.
type listed struct {
	Model    string `json:"model"`
	Kind     string `json:"kind"`
	Expected string `json:"expected"`
	Distinct int    `json:"distinct"`
	Depth    int    `json:"depth"`
	Record   string `json:"record"`
	Shows    string `json:"shows"`
}

func newListCommand(dirs *folders) *cobra.Command {
	return &cobra.Command{
		Example: "  lockstep tlc list",
		Use:     "list",
		Short:   "List the models, what each shows, and what is on record",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			suite, err := dirs.suite()
			if err != nil {
				return err
			}
			record, err := tla.LoadResults(suite.FS)
			if err != nil {
				return err
			}
			var all []listed
			for _, m := range suite.Models {
				expected := tla.VerdictOf(m.Exit).String()
				if m.Property != "" {
					expected += ": " + m.Property
				}
				all = append(all, listed{m.Name, string(m.Kind), expected, m.Distinct, m.Depth,
					recordState(suite, record, m), m.Shows})
			}
			return result.Show(command, all, func(w io.Writer) {
				t := newTable(w)
				t.AppendHeader(
					table.Row{"model", "kind", "expected", "distinct", "depth", "record", "shows"},
				)
				t.SetColumnConfigs(
					[]table.ColumnConfig{
						{Number: 7, WidthMax: 70, WidthMaxEnforcer: text.WrapSoft},
					},
				)
				for _, m := range all {
					t.AppendRow(
						table.Row{
							m.Model,
							m.Kind,
							m.Expected,
							m.Distinct,
							m.Depth,
							m.Record,
							m.Shows,
						},
					)
				}
				t.Render()
			})
		},
	}
}

// recordState says in a word whether the record of a model can be relied on.
func recordState(suite *tla.Suite, record *tla.Results, m tla.Model) string {
	result, ok := record.Of(m.Name)
	if !ok {
		return "none"
	}
	inputs, err := suite.InputsHash(m)
	switch {
	case err != nil:
		return err.Error()
	case inputs != result.Inputs:
		return "stale"
	case len(m.Unexpected(result)) > 0:
		return "unexpected"
	}
	return "fresh"
}
