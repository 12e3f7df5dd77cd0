package tlc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla"
)

func newGraphsCommand(dirs *folders) *cobra.Command {
	var record bool
	command := &cobra.Command{
		Example: "  lockstep tlc graphs small",
		Use:     "graphs [NAME…]",
		Short:   "Compare complete state graphs with those on record, or record them",
		Long: `Compare complete state graphs with those on record, or record them.

The explorer of the Go protocol must find the same states and labelled steps; go test ./model
compares it with the record. Without names, all graphs on record are taken.`,
		RunE: func(command *cobra.Command, names []string) error {
			return runGraphs(command, dirs, names, record)
		},
	}
	command.Flags().BoolVar(&record, "record", false, "write "+tla.GraphsFile)
	return command
}

// compared is a graph beside the record, as JSON shows it.
type compared struct {
	Model   string `json:"model"`
	States  int    `json:"states"`
	Steps   int    `json:"steps"`
	Verdict string `json:"verdict"`
}

func runGraphs(command *cobra.Command, dirs *folders, names []string, record bool) error {
	suite, err := dirs.suite()
	if err != nil {
		return err
	}
	recorded, err := tla.LoadGraphs(suite.FS)
	if err != nil && !record {
		return err
	}
	if len(names) == 0 {
		for _, g := range recorded {
			names = append(names, g.Model)
		}
	}
	tool, err := dirs.tool(command.Context(), command)
	if err != nil {
		return err
	}
	failed, all := false, []compared{}
	for _, name := range names {
		graph, err := dumpGraph(command.Context(), dirs, suite, tool, name)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(recorded, func(g tla.RecordedGraph) bool { return g.Model == name })
		verdict := "recorded"
		switch {
		case record && i >= 0:
			recorded[i] = graph
		case record:
			recorded = append(recorded, graph)
		case i >= 0 && recorded[i] == graph:
			verdict = "as recorded"
		default:
			verdict = "NOT as recorded"
			failed = true
		}
		all = append(all, compared{name, graph.States, graph.Edges, verdict})
		fmt.Fprintf(progressOf(command), "%s: %d states, %d steps, %s\n", name, graph.States,
			graph.Edges, verdict)
	}
	if err := result.Show(command, all, func(io.Writer) {}); err != nil {
		return err
	}
	if failed {
		return errChecks
	}
	if !record {
		return nil
	}
	data, err := json.MarshalIndent(recorded, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dirs.specs, tla.GraphsFile), append(data, '\n'), 0o644)
}

// dumpGraph has TLC write the graph of a model to a temporary file, and digests it.
func dumpGraph(ctx context.Context, dirs *folders, suite *tla.Suite, tool tla.Tool,
	name string) (tla.RecordedGraph, error) {
	m, err := suite.Model(name)
	if err != nil {
		return tla.RecordedGraph{}, err
	}
	inputs, err := suite.InputsHash(m)
	if err != nil {
		return tla.RecordedGraph{}, err
	}
	temporary, err := os.MkdirTemp("", "lockstep-graph-")
	if err != nil {
		return tla.RecordedGraph{}, err
	}
	defer os.RemoveAll(temporary)
	file := filepath.Join(temporary, "graph.dot")
	outcome, err := tool.Run(ctx, tla.Run{Dir: dirs.specs, Model: m, Graph: file})
	if err != nil {
		return tla.RecordedGraph{}, err
	}
	if outcome.Verdict != tla.VerdictOK {
		return tla.RecordedGraph{},
			fmt.Errorf("%w: model %s: %v", errPartial, name, outcome.Verdict)
	}
	f, err := os.Open(file)
	if err != nil {
		return tla.RecordedGraph{}, err
	}
	defer f.Close()
	graph, err := tla.ReadDOT(f)
	if err != nil {
		return tla.RecordedGraph{}, fmt.Errorf("model %s: %w", name, err)
	}
	return tla.RecordedGraph{Model: name, Inputs: inputs, Graph: graph}, nil
}
