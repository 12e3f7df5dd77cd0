// Mutation changes one thing in a package at a time, runs the tests that should notice, and says
// which changes none noticed.
//
//	go run ./fuzz/cmd/mutation [--sample 100] [--seed 1] [--only TEXT | --again] [-j 2] PACKAGE...
//
// It writes the numbers to spec/mutation.json, unless --only is given. The exit status is 0 if at
// least 90 of a hundred mutants that are not listed as equivalent were noticed, in each package.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/fuzz/mutation"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := newCommand(os.Stdout).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// wanted is the score that every package should have, in percent.
const wanted = 90

var errScore = errors.New("mutation: too many mutants survive")

func newCommand(out io.Writer) *cobra.Command {
	var o mutation.Options
	var list, again bool
	cmd := &cobra.Command{
		Use:           "mutation PACKAGE...",
		Short:         "Change one thing at a time and see which changes no test notices",
		Args:          cobra.MinimumNArgs(1),
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, packages []string) error {
			root, err := exec.CommandContext(cmd.Context(), "go", "list", "-m", "-f",
				"{{.Dir}}").Output()
			if err != nil {
				return fmt.Errorf("mutation: finding the repository: %w", err)
			}
			o.Root = strings.TrimSpace(string(root))
			for _, p := range packages {
				o.Folder = path.Clean(filepath.ToSlash(p))
				switch {
				case list:
					err = errors.Join(err, show(cmd.Context(), o, out))
				case again:
					err = errors.Join(err, rerun(cmd.Context(), o, out))
				default:
					err = errors.Join(err, run(cmd.Context(), o, out))
				}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&o.Sample, "sample", 0, "how many mutants are `drawn`; 0 for all")
	flags.Uint64Var(&o.Seed, "seed", 1, "the `seed` of the sample")
	flags.StringVar(&o.Only, "only", "",
		"run the mutants alone whose names contain a `text`, and keep no record")
	flags.IntVarP(&o.Parallel, "jobs", "j", 2, "how many mutants at a `time`")
	flags.BoolVar(&again, "again", false,
		"run the survivors on record alone, when nothing but tests has changed since")
	flags.BoolVar(&list, "list", false, "list the mutants, and run none")
	return cmd
}

// show lists the mutants of a package.
func show(ctx context.Context, o mutation.Options, out io.Writer) error {
	all, err := mutation.List(ctx, o)
	for _, m := range all {
		fmt.Fprintf(out, "%d: %s\n", m.Line, m.Key())
	}
	return err
}

var errNoRecord = errors.New("mutation: no run is on record")

// rerun judges the survivors on record.
func rerun(ctx context.Context, o mutation.Options, out io.Writer) error {
	all, err := mutation.Read(record(o))
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Package == o.Folder {
			o.Again, o.Only = r, ""
			return run(ctx, o, out)
		}
	}
	return fmt.Errorf("%w: %s", errNoRecord, o.Folder)
}

func record(o mutation.Options) string { return filepath.Join(o.Root, "spec", "mutation.json") }

// run judges the mutants of a package, and keeps the numbers.
func run(ctx context.Context, o mutation.Options, out io.Writer) error {
	o.Progress = func(v mutation.Verdict, done, all int) {
		said := "SURVIVED"
		if v.Killed {
			said = "killed by " + v.By + " " + v.Test
		}
		fmt.Fprintf(out, "%d/%d %s:%d %s\n    %s\n", done, all, v.Mutant.File, v.Mutant.Line, said,
			v.Mutant.Key())
	}
	r, err := mutation.Run(ctx, o)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d changes, %d drawn, %d equivalent, %d killed, %d survived: %.1f %%\n",
		r.Package, r.Candidates, r.Sample, r.Equivalent, r.Killed, len(r.Survivors), r.Score())
	if o.Only == "" {
		if err := mutation.Write(record(o), r); err != nil {
			return err
		}
	}
	if r.Score() < wanted {
		return fmt.Errorf("%w: %s: %.1f %%, wanted %d", errScore, r.Package, r.Score(), wanted)
	}
	return nil
}
