// Command bench measures what linking costs, and prints a table: for each row the linker and what
// it is compared with, both measured in turn in this run, in processor time of their thread. Of
// many rounds the median of the ratios counts, so that other work on the machine hardly matters.
//
// It promises nothing to other modules.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var only, raw string
	var rounds int
	var grows bool
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what linking costs, as ratios to a peer in the same run",
		Long: "bench measures what linking costs and prints a table. It is run from the top of " +
			"the source\n" +
			"tree, and takes some minutes.",
		Example:       "  go run ./linker/bench --only call --raw out/bench.txt",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if rounds < 1 {
				return fmt.Errorf("--rounds %d: %w", rounds, errCount)
			}
			samples := io.Discard
			if raw != "" {
				f, err := os.Create(raw)
				if err != nil {
					return err
				}
				defer func() { err = errors.Join(err, f.Close()) }()
				samples = f
			}
			return run(cmd.Context(), cmd.OutOrStdout(), samples, rounds, only, grows)
		},
	}
	c.Flags().StringVar(&only, "only", "", "measure the rows whose name contains this")
	c.Flags().StringVar(&raw, "raw", "", "write every sample to a file that benchstat reads")
	c.Flags().IntVar(&rounds, "rounds", 31, "how often each side of a row is measured")
	c.Flags().BoolVar(&grows, "growth", true, "measure figures, programs of others,\n"+
		"and (unless --only is given) how costs grow")
	c.AddCommand(compareCommand())
	return c
}

// run measures the rows and prints the tables. Those that are not for a comparison of revisions are
// measured if more is set.
func run(ctx context.Context, out, samples io.Writer, rounds int, only string, more bool) error {
	all := rows()
	if more {
		all = append(all, peerRows()...)
	}
	done, err := measureRows(ctx, samples, all, rounds, only)
	if err != nil {
		return err
	}
	if len(done) > 0 {
		if _, err := fmt.Fprintln(out, resultTable(done)); err != nil {
			return err
		}
	}
	if !more {
		return nil
	}
	took, err := measureFigures(ctx, samples, rounds, only)
	if err != nil {
		return err
	}
	if len(took) > 0 {
		if _, err := fmt.Fprintln(out, figureTable(took)); err != nil {
			return err
		}
	}
	if only != "" {
		return nil
	}
	grown, err := growth(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, growthTable(grown))
	return err
}

func measureRows(ctx context.Context, samples io.Writer, all []row, rounds int,
	only string) ([]result, error) {
	var done []result
	for _, r := range all {
		if !strings.Contains(r.name, only) {
			continue
		}
		m := &meter{ctx: ctx, rounds: rounds}
		x := result{row: r}
		if err := r.measure(m); err != nil && !errors.As(err, &x.missing) {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		x.pairs = m.pairs
		done = append(done, x)
		for _, p := range m.pairs {
			if err := p.write(samples, r.name); err != nil {
				return nil, err
			}
		}
	}
	return done, nil
}

func measureFigures(ctx context.Context, samples io.Writer, rounds int, only string) ([]taken,
	error) {
	var all []taken
	for _, f := range figures() {
		if !strings.Contains(f.name, only) {
			continue
		}
		x := taken{figure: f}
		var err error
		x.measured, err = f.measure(&meter{ctx: ctx, rounds: rounds})
		if err != nil && !errors.As(err, &x.missing) {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		all = append(all, x)
		if err := x.write(samples); err != nil {
			return nil, err
		}
	}
	return all, nil
}
