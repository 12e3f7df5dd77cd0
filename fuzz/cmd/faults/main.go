// Faults puts every seeded fault into the program, runs the tests that may find
// it, and writes the table fault × detector.
//
//	go run ./fuzz/cmd/faults [--only FAULT] [--detector NAME] [-j 2] [-o file]
//
// The exit status is 0 only if every fault was caught, and by the tests that must
// catch it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are the command's flags.
type options struct {
	only      []string
	detectors []string
	out       string
	parallel  int
	verbose   bool
	named     bool
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "faults",
		Short: "Put seeded faults into the program and see who finds them",
		Long: `faults puts every seeded fault into the program, by an overlay of the go command, runs the tests that may find it, and
writes the table fault × detector to spec/faults.md. It takes about an hour of two idle processors.

With --only or --detector it runs those faults and detectors alone, writes no table, keeps the changed files in ` + kept + `
and prints the commands that do the same again.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&o.only, "only", nil,
		"a `fault`'s name, or what its name contains; may be repeated")
	flags.StringArrayVar(&o.detectors, "detector", nil, "a detector's `name`; may be repeated")
	flags.StringVarP(&o.out, "output", "o", filepath.Join("spec", "faults.md"),
		"the `file` to write the table to, in the repository")
	flags.IntVarP(&o.parallel, "jobs", "j", 2, "how many faults at a `time`")
	flags.BoolVar(&o.named, "named", false,
		"run only the tests that must catch each fault, and write the list of faults, not the table")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show what the tests print")
	return cmd
}

// errNoSuch means that there is no fault or detector of that name.
var errNoSuch = errors.New("faults: there is no such")

// table picks the faults.
func (o *options) table(all []faults.Fault) ([]faults.Fault, error) {
	if len(o.only) == 0 {
		return all, nil
	}
	var picked []faults.Fault
	for _, name := range o.only {
		if f, ok := faults.Find(all, name); ok {
			picked = append(picked, f)
			continue
		}
		before := len(picked)
		for _, f := range all {
			if strings.Contains(f.Name, name) {
				picked = append(picked, f)
			}
		}
		if len(picked) == before {
			return nil, fmt.Errorf("%w fault: %s", errNoSuch, name)
		}
	}
	return picked, nil
}

// columns picks the detectors.
func (o *options) columns() ([]faults.Detector, error) {
	if len(o.detectors) == 0 {
		return faults.Detectors(), nil
	}
	var picked []faults.Detector
	for _, name := range o.detectors {
		d, ok := faults.Detect(name)
		if !ok {
			return nil, fmt.Errorf("%w detector: %s", errNoSuch, name)
		}
		picked = append(picked, d)
	}
	return picked, nil
}

func run(ctx context.Context, o options) error {
	root, err := moduleFolder(ctx)
	if err != nil {
		return err
	}
	all, err := faults.Load(root)
	if err != nil {
		return err
	}
	table, err := o.table(all)
	if err != nil {
		return err
	}
	columns, err := o.columns()
	if err != nil {
		return err
	}
	p := newProgress(os.Stdout, o.verbose)
	var rows []faults.Row
	if o.named {
		rows, err = faults.Recheck(ctx, root, table, o.parallel, p.say)
	} else {
		rows, err = faults.Survey(ctx, root, table, columns, o.parallel, p.say)
	}
	p.stop()
	if err != nil {
		return err
	}
	page := filepath.Join(root, o.out)
	switch {
	case o.named && len(o.only) > 0:
		return judge(rows)
	case o.named:
		if err := writeList(page, rows); err != nil {
			return err
		}
		return judge(rows)
	case len(o.only)+len(o.detectors) > 0:
		return reproduce(root, rows, columns)
	}
	if err := os.WriteFile(page, []byte(faults.Markdown(rows, columns)), 0o644); err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	return judge(rows)
}

// writeList puts another list of faults into the page.
func writeList(page string, rows []faults.Row) error {
	text, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	changed, err := faults.WithList(string(text), rows)
	if err != nil {
		return fmt.Errorf("%w: %s", err, page)
	}
	if err := os.WriteFile(page, []byte(changed), 0o644); err != nil {
		return fmt.Errorf("faults: %w", err)
	}
	return nil
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// kept is the folder for changed files. The go command does not look into folders whose names begin
// like that.
const kept = "out/_faults"

// reproduce keeps the changed files of some faults, and prints the commands that run the detectors
// on them. The error says that one was not caught.
func reproduce(root string, rows []faults.Row, columns []faults.Detector) error {
	for _, r := range rows {
		folder := filepath.Join(kept,
			notInNames.ReplaceAllString(strings.ToLower(r.Fault.Name), "-"))
		if err := os.MkdirAll(filepath.Join(root, folder), 0o755); err != nil {
			return fmt.Errorf("faults: %w", err)
		}
		if r.Err != nil {
			continue
		}
		overlay, err := r.Fault.Overlay(root, filepath.Join(root, folder))
		if err != nil {
			return err
		}
		fmt.Printf("\n%s: %s\n", r.Fault.Name, r.Fault.What)
		for _, d := range columns {
			if o, ran := r.Outcomes[d.Name]; ran {
				fmt.Printf("  %-11s %s\n              %s\n", d.Name, verdict(o),
					d.Command(r.Fault, overlay))
			}
		}
	}
	// A detector that was not asked cannot have missed anything.
	for i := range rows {
		rows[i].Missed = slices.DeleteFunc(rows[i].Missed, func(n faults.Named) bool {
			return !slices.ContainsFunc(columns,
				func(d faults.Detector) bool { return d.Name == n.Detector })
		})
	}
	return judge(rows)
}

func verdict(o faults.Outcome) string {
	tests := strings.Join(o.Tests, ", ")
	switch {
	case o.Undecided:
		return "undecided: it was stopped after " + o.Took.String()
	case o.Hung:
		return "caught, it hangs: " + tests
	case o.Caught:
		return "caught by " + tests
	}
	return "-"
}

// judge prints the summary. The error says that something was not caught.
func judge(rows []faults.Row) error {
	missed := 0
	for _, r := range rows {
		if r.Err != nil {
			fmt.Printf("UNTESTED  %v\n", r.Err)
			missed++
		}
		for _, by := range r.Missed {
			fmt.Printf("MISSED    %s: by %s\n", r.Fault.Name, by)
			missed++
		}
	}
	survivors := faults.Survivors(rows)
	for _, name := range survivors {
		fmt.Printf("SURVIVOR  %s\n", name)
	}
	fmt.Printf("%d faults, %d survivors, %d tests that should have caught one and did not\n",
		len(rows), len(survivors), missed)
	if len(survivors) > 0 || missed > 0 {
		return fmt.Errorf("faults: %d survivors, %d misses", len(survivors), missed)
	}
	return nil
}

// moduleFolder is the folder of the repository.
func moduleFolder(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("faults: finding the repository: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
