package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"
	"os"

	"github.com/lockstep-wasm/lockstep/tla"
)

func newTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	return t
}

// showTable prints the verdicts of a run.
func showTable(w io.Writer, all []finished) {
	t := newTable(w)
	t.AppendHeader(table.Row{"model", "kind", "distinct", "generated", "depth", "verdict",
		"property", "as expected"})
	for _, f := range all {
		if f.err != nil {
			t.AppendRow(table.Row{f.model.Name, f.model.Kind, "", "", "", tla.VerdictError, "",
				"no"})
			continue
		}
		expected := "yes"
		if len(f.faults) > 0 {
			expected = "no: " + f.faults[0]
		}
		t.AppendRow(table.Row{f.model.Name, f.model.Kind, f.outcome.Stats.Distinct,
			f.outcome.Stats.Generated, f.outcome.Depth, f.outcome.Verdict, f.result.Property,
			expected})
	}
	t.Render()
}

// maxValue is how much of a variable's value a table shows.
const maxValue = 100

// renderTrace prints a counterexample: the steps, and the variables that each changed.
func renderTrace(w io.Writer, trace *tla.Trace) {
	t := newTable(w)
	t.SetTitle(traceTitle(trace))
	t.AppendHeader(table.Row{"", "action", "variable", "value"})
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 4, WidthMax: maxValue,
		WidthMaxEnforcer: text.WrapText}})
	for i, step := range trace.Steps {
		changed := trace.Changed(i)
		if len(changed) == 0 {
			t.AppendRow(table.Row{step.Number, step.Title(), "", ""})
		}
		for n, v := range changed {
			if n == 0 {
				t.AppendRow(table.Row{step.Number, step.Title(), v.Name, v.Value})
				continue
			}
			t.AppendRow(table.Row{"", "", v.Name, v.Value})
		}
		t.AppendSeparator()
	}
	t.Render()
}

func traceTitle(trace *tla.Trace) string {
	var parts []string
	if trace.Model != "" {
		parts = append(parts, trace.Model)
	}
	switch trace.Property {
	case "":
		parts = append(parts, "counterexample")
	case tla.PropertyDeadlock:
		parts = append(parts, "deadlock")
	default:
		parts = append(parts, trace.Property+" is violated")
	}
	return fmt.Sprintf("%s, %d steps", strings.Join(parts, ": "), len(trace.Steps))
}

func newTraceCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "trace FILE",
		Short: "Show a saved counterexample (this command's, or TLC's -dumpTrace json)",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return err
			}
			trace, err := tla.ReadTrace(data)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			renderTrace(command.OutOrStdout(), trace)
			return nil
		},
	}
}

func newListCommand(dirs *folders) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the models, what each shows, and what is on record",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			suite, err := dirs.suite()
			if err != nil {
				return err
			}
			record, err := tla.LoadResults(suite.FS)
			if err != nil {
				return err
			}
			t := newTable(command.OutOrStdout())
			t.AppendHeader(table.Row{"model", "kind", "expected", "distinct", "depth", "record",
				"shows"})
			t.SetColumnConfigs([]table.ColumnConfig{{Number: 7, WidthMax: 70,
				WidthMaxEnforcer: text.WrapSoft}})
			for _, m := range suite.Models {
				expected := tla.VerdictOf(m.Exit).String()
				if m.Property != "" {
					expected += ": " + m.Property
				}
				t.AppendRow(table.Row{m.Name, m.Kind, expected, m.Distinct, m.Depth,
					recordState(suite, record, m), m.Shows})
			}
			t.Render()
			return nil
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
