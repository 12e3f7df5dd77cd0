package tlc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla"
)

// runOptions are the flags of "tlc run".
type runOptions struct {
	record bool
	jobs   int
}

func newRunCommand(dirs *folders) *cobra.Command {
	var options runOptions
	command := &cobra.Command{
		Use:     "run [NAME…]",
		Short:   "Check the named models, or all",
		Example: "  lockstep tlc run small NoSecondEpoch",
		RunE: func(command *cobra.Command, names []string) error {
			return runModels(command, dirs, options, names)
		},
	}
	command.Flags().BoolVar(&options.record, "record", false, "write "+tla.ResultsFile+
		" instead of comparing with it")
	command.Flags().IntVarP(&options.jobs, "jobs", "j", 2,
		"models to check at a time; a single model gets all processors")
	return command
}

// finished is a model that was run.
type finished struct {
	model   tla.Model
	workers int
	outcome *tla.Outcome
	result  tla.Result
	faults  []string // what is not as it should be
	err     error
}

func (f finished) ok() bool { return f.err == nil && len(f.faults) == 0 }

func runModels(command *cobra.Command, dirs *folders, options runOptions, names []string) error {
	ctx := command.Context()
	suite, err := dirs.suite()
	if err != nil {
		return err
	}
	models, err := suite.Select(names...)
	if err != nil {
		return err
	}
	record, err := tla.LoadResults(suite.FS)
	if err != nil {
		return err
	}
	tool, err := dirs.tool(ctx, command)
	if err != nil {
		return err
	}
	report := newReporter(command.ErrOrStderr(), models)
	all := runPool(ctx, models, options.jobs,
		func(ctx context.Context, m tla.Model, workers int) finished {
			return runModel(ctx, suite, tool, dirs.specs, m, workers, report)
		})
	report.stop()
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("tlc: stopped: %w", cause)
	}
	for i := range all {
		all[i].judge(record, options.record)
	}
	err = result.Show(command, jsonOf(suite, all), func(w io.Writer) {
		showFailures(w, dirs.out, suite, all)
		showTable(w, all)
	})
	if err != nil {
		return err
	}
	if options.record {
		if err := writeRecord(dirs.specs, suite, record, all); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(all, func(f finished) bool { return !f.ok() }) {
		return errChecks
	}
	return nil
}

func runModel(ctx context.Context, suite *tla.Suite, tool tla.Tool, dir string, m tla.Model,
	workers int, report *reporter) finished {
	f := finished{model: m, workers: workers}
	report.begin(m)
	f.outcome, f.err = tool.Run(ctx, tla.Run{
		Dir: dir, Model: m, Workers: workers,
		Progress: func(p tla.Progress) { report.update(m, p) },
	})
	if f.err == nil {
		f.result, f.err = f.outcome.Result(suite, m, workers)
	}
	report.end(m, f)
	return f
}

// runPool runs the models, at most jobs threads at a time, and returns what came out in their
// order. A single model gets a thread for each processor; of several, each gets one, or as many as
// its entry says.
func runPool(ctx context.Context, models []tla.Model, jobs int,
	run func(context.Context, tla.Model, int) finished) []finished {
	jobs = max(1, jobs)
	workers := func(m tla.Model) int { return min(max(1, m.Workers), jobs) }
	if len(models) == 1 {
		return []finished{run(ctx, models[0], runtime.NumCPU())}
	}
	return inParallel(models, jobs, workers,
		func(m tla.Model) finished { return run(ctx, m, workers(m)) })
}

// inParallel does all items, each of which takes some of the places as long as it lasts, and
// returns what came out in their order.
func inParallel[T, R any](items []T, places int, takes func(T) int, do func(T) R) []R {
	all := make([]R, len(items))
	free := make(chan struct{}, places)
	var group sync.WaitGroup
	for i, item := range items {
		taken := takes(item)
		// Only this goroutine takes places, so that two items cannot each wait for the other's.
		for range taken {
			free <- struct{}{}
		}
		group.Go(func() {
			all[i] = do(item)
			for range taken {
				<-free
			}
		})
	}
	group.Wait()
	return all
}

// judge compares the result with the manifest and, unless it is to be recorded, with the record.
func (f *finished) judge(record *tla.Results, recording bool) {
	if f.err != nil {
		return
	}
	f.faults = f.model.Unexpected(f.result)
	if recording {
		return
	}
	recorded, ok := record.Of(f.model.Name)
	if !ok {
		f.faults = append(f.faults, "no result on record: run with --record")
		return
	}
	f.faults = append(f.faults, f.result.Differences(recorded)...)
}

// writeRecord records what came out, except for models that came to no verdict. A number that this
// run did not establish, because several threads searched, is kept from the older record of the
// same inputs.
func writeRecord(dir string, suite *tla.Suite, record *tla.Results, all []finished) error {
	var results []tla.Result
	for _, f := range all {
		if f.err != nil {
			continue
		}
		if old, ok := record.Of(f.model.Name); ok && f.result.Depth == 0 &&
			old.Inputs == f.result.Inputs {
			f.result.Depth = old.Depth
		}
		results = append(results, f.result)
	}
	data, err := record.With(suite, results...).JSON()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, tla.ResultsFile), data, 0o644); err != nil {
		return fmt.Errorf("tlc: write the record: %w", err)
	}
	return nil
}

// showFailures prints the counterexample of every violation that was not expected, and saves it.
func showFailures(w io.Writer, out string, suite *tla.Suite, all []finished) {
	for _, f := range all {
		if f.ok() {
			continue
		}
		fmt.Fprintf(w, "\n%s: %s\n", f.model.Name, f.model.Shows)
		if f.err != nil {
			fmt.Fprintf(w, "  %v\n", f.err)
		}
		for _, fault := range f.faults {
			fmt.Fprintf(w, "  %s\n", fault)
		}
		if f.outcome == nil || f.outcome.Trace == nil || f.result.Exit == f.model.Exit &&
			f.result.Property == f.model.Property {
			continue
		}
		fmt.Fprintf(w, "\n%s\n", explain(suite, f.outcome.Trace))
		file, err := saveTrace(out, f.outcome.Trace)
		if err != nil {
			fmt.Fprintf(w, "  the counterexample was not saved: %v\n", err)
			continue
		}
		fmt.Fprintf(w, "  saved as %s\n", file)
	}
}

func saveTrace(out string, trace *tla.Trace) (string, error) {
	data, err := trace.WriteJSON()
	if err != nil {
		return "", err
	}
	file := filepath.Join(out, trace.Model+".trace.json")
	return file, errors.Join(os.MkdirAll(filepath.Dir(file), 0o755),
		os.WriteFile(file, data, 0o644))
}
