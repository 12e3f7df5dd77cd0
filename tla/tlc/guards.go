package tlc

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla"
)

const (
	guardedModule   = "LinkerSync" // whose guards are dropped
	guardedRelation = "Step"       // the definition that lists its actions
	reasonsFile     = "guards.json"
)

// guardModels are the models that judge a specification without one of its guards, the cheapest
// first. In each of them but [fourGroups] everything can happen. Dropping a guard can only add
// steps, so a graph with as many states and steps as before is the same graph; one with more steps
// may still be the same but for names.
func guardModels() []string {
	return []string{"small", "three", "smallclosures", fourGroups, "livesmall"}
}

// fourGroups is the model with a leader, a participant that has applied an operation, one that has
// failed, and one that has still to try, and with nothing else. It has nothing to say of a guard
// that chooses what a model includes.
const fourGroups = "undofour"

// guardOptions are the flags of "tlc guards".
type guardOptions struct {
	report  string
	actions []string
	jobs    int
}

func newGuardsCommand(dirs *folders) *cobra.Command {
	var options guardOptions
	command := &cobra.Command{
		Example: "  lockstep tlc guards --action Commit",
		Use:     "guards",
		Short:   "Drop every guard of every action in turn, and see which property catches it",
		Long: `Drop every guard of every action in turn, and see which property catches it.

A guard whose absence changes the graph must be caught by a property. One whose absence changes
nothing must have its reason in ` + reasonsFile + `. Otherwise the command fails. It takes a while.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return dropGuards(command, dirs, options)
		},
	}
	command.Flags().StringVar(&options.report, "report", "",
		"write the report to this file (spec/guards.md)")
	command.Flags().StringSliceVar(&options.actions, "action", nil,
		"only the guards of these actions")
	command.Flags().IntVarP(&options.jobs, "jobs", "j", 2, "guards to drop at a time")
	return command
}

// guardVerdict is what became of the specification without a guard.
type guardVerdict struct {
	guard   tla.Guard
	model   string // where it was caught
	caught  string // the property, a deadlock, or an evaluation that fails; empty if nothing was
	changed bool   // the graph of some model is another
	renamed bool   // it is the same but for the names of steps, and for steps that change nothing
	reason  string // why the guard is there although nothing changes
}

func (v guardVerdict) ok() bool { return v.caught != "" || !v.changed && v.reason != "" }

func (v guardVerdict) String() string {
	switch {
	case v.caught != "":
		return fmt.Sprintf("caught by `%s` (model %s)", v.caught, v.model)
	case v.changed:
		return "**not caught**"
	case v.reason == "":
		return "**graph unchanged, no reason given**"
	}
	if v.renamed {
		return "same states and steps, some under a second name: " + v.reason
	}
	return "graph unchanged: " + v.reason
}

// judgedGuard is a guard and what became of the specification without it, as JSON shows it.
type judgedGuard struct {
	Action   string `json:"action"`
	Guard    string `json:"guard"`
	Caught   string `json:"caught,omitempty"`
	Model    string `json:"model,omitempty"`
	Changed  bool   `json:"changed"`
	Reason   string `json:"reason,omitempty"`
	Expected bool   `json:"expected"`
}

func judged(verdicts []guardVerdict) []judgedGuard {
	all := []judgedGuard{}
	for _, v := range verdicts {
		all = append(all, judgedGuard{v.guard.Action, v.guard.Text, v.caught, v.model,
			v.changed || v.caught != "", v.reason, v.ok()})
	}
	return all
}

func dropGuards(command *cobra.Command, dirs *folders, options guardOptions) error {
	suite, err := dirs.suite()
	if err != nil {
		return err
	}
	spec, err := tla.LoadSpecification(suite.FS, guardedModule)
	if err != nil {
		return err
	}
	models, err := suite.Select(guardModels()...)
	if err != nil {
		return err
	}
	results, err := tla.LoadResults(suite.FS)
	if err != nil {
		return err
	}
	reasons, err := loadReasons(suite.FS)
	if err != nil {
		return err
	}
	tool, err := dirs.tool(command.Context(), command)
	if err != nil {
		return err
	}
	guards, err := guardsOf(spec, options.actions)
	if err != nil {
		return err
	}
	d := dropper{dirs: dirs, spec: spec, models: models, results: results, tool: tool,
		bare: map[string]func() (tla.Graph, error){}}
	for _, m := range models {
		d.bare[m.Name] = sync.OnceValues(func() (tla.Graph, error) {
			return bareGraph(command.Context(), tool, dirs.specs, m)
		})
	}
	type dropped struct {
		guardVerdict
		err error
	}
	var lines sync.Mutex
	all := inParallel(guards, max(1, options.jobs), func(tla.Guard) int { return 1 },
		func(g tla.Guard) dropped {
			v, err := d.drop(command.Context(), g)
			v.reason = cmp.Or(reasons[g.Action][g.Text], reasons["*"][g.Text])
			lines.Lock()
			defer lines.Unlock()
			if err == nil {
				fmt.Fprintf(progressOf(command), "%v: %v\n", g, v)
			}
			return dropped{v, err}
		})
	verdicts := make([]guardVerdict, len(all))
	for i, v := range all {
		if v.err != nil {
			return fmt.Errorf("%v: %w", v.guard, v.err)
		}
		verdicts[i] = v.guardVerdict
	}
	if options.report != "" {
		if err := os.WriteFile(options.report, []byte(guardReport(verdicts)), 0o644); err != nil {
			return err
		}
	}
	if err := result.Show(command, judged(verdicts), func(io.Writer) {}); err != nil {
		return err
	}
	if slices.ContainsFunc(verdicts, func(v guardVerdict) bool { return !v.ok() }) {
		return errGuards
	}
	return nil
}

// guardsOf returns the guards of the named actions, or of all.
func guardsOf(spec *tla.Specification, only []string) ([]tla.Guard, error) {
	actions, err := spec.Actions(guardedRelation)
	if err != nil {
		return nil, err
	}
	var all []tla.Guard
	for _, action := range actions {
		if len(only) > 0 && !slices.Contains(only, action.Name) {
			continue
		}
		module, err := spec.Definer(action.Name)
		if err != nil {
			return nil, err
		}
		guards, err := module.Guards(action.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, guards...)
	}
	return all, nil
}

// loadReasons reads why guards are there that change nothing: by action (* for any) and text.
func loadReasons(fsys fs.FS) (map[string]map[string]string, error) {
	reasons := map[string]map[string]string{}
	data, err := fs.ReadFile(fsys, reasonsFile)
	if err == nil {
		err = json.Unmarshal(data, &reasons)
	}
	if err != nil {
		return nil, fmt.Errorf("tlc: %s: %w", reasonsFile, err)
	}
	return reasons, nil
}

type dropper struct {
	dirs    *folders
	spec    *tla.Specification
	models  []tla.Model
	results *tla.Results
	tool    tla.Tool
	bare    map[string]func() (tla.Graph, error) // of the whole specification, by model
}

// drop checks the models without the guard, until one catches it.
func (d *dropper) drop(ctx context.Context, g tla.Guard) (v guardVerdict, err error) {
	v.guard = g
	temporary, err := os.MkdirTemp("", "lockstep-guards-")
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	if err := os.CopyFS(temporary, os.DirFS(d.dirs.specs)); err != nil {
		return v, err
	}
	module, err := d.spec.Definer(g.Action)
	if err != nil {
		return v, err
	}
	file := filepath.Join(temporary, module.Name+".tla")
	if err := os.WriteFile(file, []byte(module.WithoutGuard(g)), 0o644); err != nil {
		return v, err
	}
	for _, m := range d.models {
		if m.Kind == tla.KindLiveness && !v.changed {
			break // the same graph has the same behaviours
		}
		if m.Name == fourGroups && strings.Contains(g.Text, `\in Features`) {
			continue
		}
		outcome, err := d.tool.Run(ctx, tla.Run{Dir: temporary, Model: m, Workers: 1})
		if err != nil && !errors.Is(err, tla.ErrTLC) {
			return v, err
		}
		switch {
		case err != nil: // TLC met an expression without a value
			v.model, v.caught = m.Name, "evaluation fails"
			return v, nil
		case outcome.Verdict == tla.VerdictDeadlock:
			v.model, v.caught = m.Name, tla.PropertyDeadlock
			return v, nil
		case outcome.Verdict != tla.VerdictOK:
			v.model, v.caught = m.Name, strings.Join(outcome.Properties, ", ")
			return v, nil
		}
		recorded, ok := d.results.Of(m.Name)
		if !ok {
			return v, &tla.RecordError{Model: m.Name, Err: tla.ErrNoRecord}
		}
		if outcome.Stats.Distinct == recorded.Distinct &&
			outcome.Stats.Generated == recorded.Generated {
			continue
		}
		same, err := d.sameSteps(ctx, temporary, m)
		if err != nil {
			return v, err
		}
		v.renamed = v.renamed || same
		v.changed = v.changed || !same
	}
	return v, nil
}

// sameSteps tells whether the specification in a folder has the states and steps of the whole one,
// whatever the steps are called.
func (d *dropper) sameSteps(ctx context.Context, dir string, m tla.Model) (bool, error) {
	whole, err := d.bare[m.Name]()
	if err != nil {
		return false, err
	}
	without, err := bareGraph(ctx, d.tool, dir, m)
	return without == whole, err
}

func bareGraph(ctx context.Context, tool tla.Tool, dir string, m tla.Model) (g tla.Graph,
	err error) {
	temporary, err := os.MkdirTemp("", "lockstep-guards-")
	if err != nil {
		return g, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temporary)) }()
	file := filepath.Join(temporary, "graph.dot")
	if _, err := tool.Run(ctx, tla.Run{Dir: dir, Model: m, Graph: file}); err != nil {
		return g, err
	}
	f, err := os.Open(file)
	if err != nil {
		return g, err
	}
	defer f.Close()
	return tla.ReadBareDOT(f)
}

func guardReport(verdicts []guardVerdict) string {
	var b strings.Builder
	b.WriteString("# What each guard is for\n\n")
	b.WriteString("Every guard of every action of `LinkerSync` was replaced by `TRUE`, one at a " +
		"time, and the\n")
	b.WriteString("models were checked again: `" + strings.Join(guardModels(), "`, `") + "`.\n")
	b.WriteString("Written by `go run ./tla/cmd/tlc guards --report spec/guards.md`. Every guard " +
		"that changes the\n")
	b.WriteString("graph must be caught; one that changes nothing must have a reason to be " +
		"there.\n")
	caught := 0
	for _, v := range verdicts {
		if v.caught != "" {
			caught++
		}
	}
	fmt.Fprintf(&b, "\n%d guards: %d are caught, %d change nothing.\n", len(verdicts), caught,
		len(verdicts)-caught)
	b.WriteString("\n| action | guard | without it |\n| --- | --- | --- |\n")
	for _, v := range verdicts {
		fmt.Fprintf(&b, "| %s | `%s` | %s |\n", v.guard.Action,
			strings.ReplaceAll(v.guard.Text, "|", `\|`), v)
	}
	return b.String()
}
