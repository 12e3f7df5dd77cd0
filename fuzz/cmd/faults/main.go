// Faults puts every seeded fault into the program, runs the tests that may find
// it, and writes the table fault × detector.
//
//	go run ./fuzz/cmd/faults [-match regexp] [-out file] [-j 2]
//
// The exit status is 0 only if every fault was caught by the tests that must
// catch it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("faults", flag.ContinueOnError)
	match := flags.String("match", "", "only the faults whose name matches this regular `expression`; no table is written then")
	out := flags.String("out", "spec/faults.md", "the `file` to write the table to, in the repository")
	parallel := flags.Int("j", 2, "how many faults at a `time`")
	verbose := flags.Bool("v", false, "show what the tests print")
	if err := flags.Parse(args); err != nil {
		return err
	}
	pattern, err := regexp.Compile(*match)
	if err != nil {
		return fmt.Errorf("faults: -match: %w", err)
	}
	root, err := moduleFolder(ctx)
	if err != nil {
		return err
	}
	var table []faults.Fault
	for _, f := range faults.All() {
		if pattern.MatchString(f.Name) {
			table = append(table, f)
		}
	}
	start := time.Now()
	rows, err := faults.Survey(ctx, root, table, faults.Detectors(), *parallel, func(f *faults.Fault, d faults.Detector, o faults.Outcome) {
		name := "the sound program"
		if f != nil {
			name = f.Name
		}
		fmt.Printf("%6.0fs  %-62s %-11s %s\n", time.Since(start).Seconds(), name, d.Name, verdict(o))
		if *verbose && o.Caught {
			fmt.Println(o.Output)
		}
	})
	if err != nil {
		return err
	}
	if *match == "" {
		if err := os.WriteFile(filepath.Join(root, *out), []byte(faults.Markdown(rows, faults.Detectors())), 0o644); err != nil {
			return fmt.Errorf("faults: %w", err)
		}
	}
	return judge(rows)
}

func verdict(o faults.Outcome) string {
	switch {
	case o.Hung:
		return "caught, it hangs: " + strings.Join(o.Tests, ", ")
	case o.Caught:
		return "caught by " + strings.Join(o.Tests, ", ")
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
	fmt.Printf("%d faults, %d survivors, %d tests that should have caught one and did not\n", len(rows), len(survivors), missed)
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
