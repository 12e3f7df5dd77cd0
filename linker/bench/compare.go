package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

func compareCommand() *cobra.Command {
	var turns, rounds int
	var only string
	c := &cobra.Command{
		Use:   "compare REVISION",
		Short: "Compare the work tree with another revision, in turns",
		Long: "compare builds this command at another revision of the repository, runs it and " +
			"the one of\n" +
			"the work tree in turns, and prints the ratio of the medians of each side.",
		Example: "  go run ./linker/bench compare HEAD~1",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if turns < 1 || rounds < 1 {
				return fmt.Errorf("--turns %d, --rounds %d: %w", turns, rounds, errCount)
			}
			return compareWith(cmd.Context(), cmd.OutOrStdout(), args[0], turns,
				"--rounds", strconv.Itoa(rounds), "--only", only, "--growth=false")
		},
	}
	c.Flags().IntVar(&turns, "turns", 5, "how often each revision is run")
	c.Flags().IntVar(&rounds, "rounds", 7, "how often each side of a row is measured in a run")
	c.Flags().StringVar(&only, "only", "", "measure the rows whose name contains this")
	return c
}

// compareWith compares the work tree with a revision.
func compareWith(ctx context.Context, out io.Writer, revision string, turns int,
	args ...string) (err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	base := filepath.Join(dir, "base")
	if err := execute(ctx, "", "git", "worktree", "add", "--detach", base, revision); err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, execute(context.WithoutCancel(ctx), "", "git", "worktree", "remove",
			"--force", base))
	}()
	here, err := os.Getwd()
	if err != nil {
		return err
	}
	samples := [2]map[string][]float64{{}, {}}
	var names []string
	var programs [2]string
	for i, root := range []string{base, here} {
		programs[i] = filepath.Join(dir, fmt.Sprint("bench", i))
		if err := execute(ctx, root, "go", "build", "-o", programs[i],
			"./linker/bench"); err != nil {
			return err
		}
	}
	for range turns {
		for i, root := range []string{base, here} {
			raw := filepath.Join(dir, "raw")
			if err := execute(ctx, root, programs[i], append(args, "--raw", raw)...); err != nil {
				return err
			}
			f, err := os.Open(raw)
			if err != nil {
				return err
			}
			more, err := readSamples(f, samples[i])
			if err = errors.Join(err, f.Close()); err != nil {
				return err
			}
			if i == 1 && names == nil {
				names = more
			}
		}
	}
	_, err = fmt.Fprintln(out, comparison(revision, names, samples))
	return err
}

// readSamples adds the samples of a run by name, and returns the names in their order.
func readSamples(r io.Reader, samples map[string][]float64) (names []string, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 4 || fields[3] != "ns/op" {
			return nil, fmt.Errorf("%w: %q", errSample, lines.Text())
		}
		ns, err := strconv.ParseFloat(fields[2], 64)
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(fields[0], "Benchmark")
		if samples[name] == nil {
			names = append(names, name)
		}
		samples[name] = append(samples[name], ns)
	}
	return names, lines.Err()
}

// comparison is the table of what both revisions measure.
func comparison(revision string, names []string, samples [2]map[string][]float64) string {
	t := writer("what", revision, "work tree", "ratio")
	for _, name := range names {
		base, own := samples[0][name], samples[1][name]
		if len(base) == 0 {
			t.AppendRow(table.Row{name, "-", duration(median(own)), "-"})
			continue
		}
		a, b := median(base), median(own)
		t.AppendRow(table.Row{name, duration(a), duration(b), fmt.Sprintf("%.2f ×", b/a)})
	}
	t.SetCaption("Medians, %s; the revisions were run in turns.", clock)
	return t.Render()
}
