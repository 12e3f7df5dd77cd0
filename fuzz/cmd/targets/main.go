// Targets runs all fuzz targets of the repository in turn, each for a while.
//
//	go run ./fuzz/cmd/targets [--duration 10s] [--only NAME]
//
// The exit status is 0 if nothing was found. What is found lies in the package's folder, in
// testdata/fuzz, as the go command has it.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func newCommand() *cobra.Command {
	var duration time.Duration
	var only string
	cmd := &cobra.Command{
		Use:           "targets",
		Short:         "Run all fuzz targets in turn",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			pattern, err := regexp.Compile(only)
			if err != nil {
				return fmt.Errorf("targets: --only: %w", err)
			}
			return run(cmd.Context(), cmd.OutOrStdout(), duration, pattern)
		},
	}
	cmd.Flags().DurationVar(&duration, "duration", 10*time.Second, "how long each target runs")
	cmd.Flags().StringVar(&only, "only", "", "regular expression of the targets to run")
	return cmd
}

// target is a fuzz target: a function of a package.
type target struct{ pkg, name string }

// run runs the targets and returns an error if one of them has found something.
func run(ctx context.Context, w io.Writer, duration time.Duration, only *regexp.Regexp) error {
	all, err := targets(ctx)
	if err != nil {
		return err
	}
	found := 0
	for _, t := range all {
		if !only.MatchString(t.name) {
			continue
		}
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$",
			"-fuzztime", duration.String(), t.pkg)
		out, err := cmd.CombinedOutput()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil && isFinding(out) {
			found++
			fmt.Fprintf(w, "%s %s: FOUND\n%s\n", t.pkg, t.name, out)
			continue
		}
		fmt.Fprintf(w, "%s %s: %s\n", t.pkg, t.name, summary(out))
	}
	if found > 0 {
		return fmt.Errorf("targets: %d targets have found something", found)
	}
	return nil
}

// targets lists the fuzz targets of all packages.
func targets(ctx context.Context) ([]target, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-list", "^Fuzz", "./...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s%s", err, out, exit.Stderr)
		}
		return nil, fmt.Errorf("targets: %w", err)
	}
	return parse(out), nil
}

// parse reads what go test -list prints: names, and behind them a line with their package.
func parse(out []byte) (list []target) {
	var names []string
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) > 1 && fields[0] == "ok":
			for _, name := range names {
				list = append(list, target{fields[1], name})
			}
			names = nil
		}
	}
	return list
}

// isFinding reports whether a target that failed has found something. At the end of its time the go
// command now and then reports the end of its own context as a failure:
// then there is neither an input that fails nor a panic.
func isFinding(out []byte) bool {
	ended := bytes.Contains(out, []byte("context deadline exceeded"))
	input := bytes.Contains(out, []byte("Failing input written"))
	return !ended || input || bytes.Contains(out, []byte("panic: "))
}

// summary returns the last line of progress.
func summary(out []byte) string {
	last := "nothing ran"
	for line := range strings.Lines(string(out)) {
		if strings.HasPrefix(line, "fuzz: elapsed") {
			last = strings.TrimSpace(line)
		}
	}
	return last
}
