package tlc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla/proof"
)

// proveOptions are the flags of "tlc prove".
type proveOptions struct {
	invariants, actions      []string
	record, mistakes, script bool
	progress                 bool
	jobs                     int
	limit                    time.Duration
}

func newProveCommand(dirs *folders) *cobra.Command {
	var options proveOptions
	command := &cobra.Command{
		Example: "  lockstep tlc prove --invariant Agreement --action Commit",
		Use:     "prove",
		Short:   "Prove the properties for any number of groups, with z3",
		Long: `Prove the properties for any number of groups, with z3.

For each invariant and each action: if all invariants hold and the action happens, the invariant
holds afterwards. For each property of steps and each action: no step of the action breaks it. What
cannot be proved is shown with a counterexample to induction among three groups at most, if there is
one. See spec/proof.md.

With --progress: no deadlock, and every operation ends; each claim with mistakes that must break it.

With --mistakes, the switches of the specification are thrown and the guards of all actions left
out, one at a time: which obligation fails then?`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if options.progress {
				return proveProgress(command, dirs, options)
			}
			return prove(command, dirs, options)
		},
	}
	flags := command.Flags()
	flags.StringSliceVar(&options.invariants, "invariant", nil,
		"only these invariants and properties")
	flags.StringSliceVar(&options.actions, "action", nil,
		"only these actions; Init for the initial states")
	flags.BoolVar(&options.record, "record", false, "write "+proof.RecordFile+
		" instead of comparing with it")
	flags.BoolVar(&options.mistakes, "mistakes", false,
		"judge mistakes instead of the specification")
	flags.BoolVar(&options.progress, "progress", false,
		"prove that nothing stands still and that operations end, and judge mistakes of that")
	flags.BoolVar(&options.script, "print", false,
		"print the questions (SMT-LIB 2) instead of asking them; needs no z3")
	flags.IntVarP(&options.jobs, "jobs", "j", 2, "questions to ask at a time")
	flags.DurationVar(&options.limit, "limit", 2*time.Minute, "time for one question")
	return command
}

func prove(command *cobra.Command, dirs *folders, options proveOptions) error {
	fsys := os.DirFS(dirs.specs)
	system, err := proof.Load(fsys)
	if err != nil {
		return err
	}
	obligations, err := options.selected(system)
	if err != nil {
		return err
	}
	if options.script {
		var asked []question
		for _, o := range obligations {
			asked = append(asked, question{o.String(), system.Script(o)})
		}
		return showQuestions(command, asked)
	}
	record, err := proof.LoadRecord(fsys)
	if errors.Is(err, os.ErrNotExist) && options.record {
		record, err = &proof.Record{}, nil
	}
	if err != nil {
		return err
	}
	z3, err := proof.FindSolver(command.Context(), options.limit)
	if err != nil {
		return err
	}
	var updated *proof.Record
	if options.mistakes {
		updated, err = judgeMistakes(command, fsys, system, record, z3, options)
	} else {
		updated, err = proveAll(command, system, record, z3, obligations, options)
	}
	if updated == nil || !options.record {
		return err
	}
	data, err2 := updated.JSON()
	if err2 != nil {
		return errors.Join(err, err2)
	}
	return errors.Join(err, os.WriteFile(filepath.Join(dirs.specs, proof.RecordFile), data, 0o644))
}

// selected are the obligations that were asked for.
func (o proveOptions) selected(system *proof.System) ([]proof.Obligation, error) {
	if o.record && len(o.invariants)+len(o.actions) > 0 {
		return nil, errRecord
	}
	known := append(system.Invariants(), system.Properties()...)
	for _, name := range o.invariants {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("%w: property %s is not in %s", errUnknown, name,
				proof.SpecConfig)
		}
	}
	for _, name := range o.actions {
		if name != "Init" && !slices.Contains(system.Actions(), name) {
			return nil, fmt.Errorf("%w: action %s", errUnknown, name)
		}
	}
	return slices.DeleteFunc(system.Obligations(), func(ob proof.Obligation) bool {
		return len(o.invariants) > 0 && !slices.Contains(o.invariants, ob.Property) ||
			len(o.actions) > 0 && !slices.Contains(o.actions, ob.Action)
	}), nil
}

// asked is what became of one question.
type asked[T any] struct {
	value T
	err   error
}

// askAll asks questions, some at a time, until the first error; done is called with each answer, by
// one goroutine at a time.
func askAll[T, R any](ctx context.Context, items []T, jobs int,
	ask func(context.Context, T) (R, error), done func(R)) ([]R, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var mu sync.Mutex
	all := inParallel(items, max(1, jobs), func(T) int { return 1 }, func(item T) asked[R] {
		if err := context.Cause(ctx); err != nil {
			return asked[R]{err: err}
		}
		value, err := ask(ctx, item)
		if err != nil {
			stop(err)
			return asked[R]{err: err}
		}
		mu.Lock()
		defer mu.Unlock()
		done(value)
		return asked[R]{value: value}
	})
	var values []R
	for _, a := range all {
		values = append(values, a.value)
	}
	return values, context.Cause(ctx)
}

// proveAll proves obligations, and returns the record with what came out. It fails unless all are
// proved.
func proveAll(command *cobra.Command, system *proof.System, record *proof.Record, z3 proof.Solver,
	obligations []proof.Obligation, options proveOptions) (*proof.Record, error) {
	left := map[string]int{}
	for _, o := range obligations {
		left[o.Property]++
	}
	results, err := askAll(command.Context(), obligations, options.jobs,
		func(ctx context.Context, o proof.Obligation) (proof.Result, error) {
			return system.Prove(ctx, z3, o)
		}, func(r proof.Result) {
			if left[r.Obligation.Property]--; left[r.Obligation.Property] == 0 {
				fmt.Fprintf(command.ErrOrStderr(), "%s: done\n", r.Obligation.Property)
			}
		})
	if err != nil {
		return nil, err
	}
	err = result.Show(command, provedOf(results), func(w io.Writer) { showProofs(w, results) })
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(results,
		func(r proof.Result) bool { return r.Verdict != proof.Proved }) {
		err = errUnproved
	}
	updated := record.WithResults(system, z3, results)
	if !options.record && len(options.invariants)+len(options.actions) == 0 {
		err = errors.Join(err, system.CheckRecord(record))
	}
	return updated, err
}

// judgeMistakes says which obligation each mistake breaks, and returns the record with that.
func judgeMistakes(command *cobra.Command, fsys fs.FS, system *proof.System, record *proof.Record,
	z3 proof.Solver, options proveOptions) (*proof.Record, error) {
	mistakes, err := proof.Mistakes(fsys)
	if err != nil {
		return nil, err
	}
	results, err := askAll(command.Context(), mistakes, options.jobs,
		func(ctx context.Context, m proof.Mistake) (proof.MistakeResult, error) {
			return m.Judge(ctx, z3, system)
		}, func(r proof.MistakeResult) { fmt.Fprintln(progressOf(command), r) })
	if err != nil {
		return nil, err
	}
	broken := 0
	for _, r := range results {
		if !r.Survives() {
			broken++
		}
	}
	err = result.Show(command, results, func(w io.Writer) {
		fmt.Fprintf(w, "%d mistakes: %d break the proof, %d do not\n", len(results), broken,
			len(results)-broken)
	})
	if err != nil {
		return nil, err
	}
	if updated := record.WithMistakes(system, results); options.record {
		return updated, nil
	}
	return nil, system.CheckMistakes(record, results)
}
