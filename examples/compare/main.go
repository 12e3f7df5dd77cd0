// Command compare measures the examples postgres, php and python against Node, which runs the same
// packages of npm:
//
//	go run ./examples/compare            # a few minutes: it compiles three programs
//	go run ./examples/compare php
//
// It prints processor time, and the time that passed, of whole processes: of a first start, with an
// empty cache of compiled code; of a start with that cache; and what a workload adds to it. Node
// compiles anew at each start, quickly at first and in the background. Both must print the same.
package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/lockstep-wasm/lockstep/stock"
)

//go:embed node
var scripts embed.FS

// program is one that both run.
type program struct {
	name     string
	script   string   // of Node
	flags    []string // of the example
	start    string   // what is run to see that it has started
	workload []string
}

func programs() []program {
	return []program{
		{"postgres", "postgres.mjs", nil, "select 6 * 7", []string{
			"create table t (id int primary key, x text)",
			"insert into t select g, md5(g::text) from generate_series(1, 50000) g",
			"select count(*), sum(length(x)), max(x) from t where x like 'a%'"}},
		{"php", "php.mjs", nil, `echo 6 * 7, "\n";`, []string{
			`$s = 0; for ($i = 0; $i < 3000000; $i++) { $s = ($s * 31 + $i) % 1000003; } echo $s, "\n";`,
		}},
		{"python", "python.cjs", []string{"-repr"}, "6 * 7", []string{
			`sum(i * i % 7 for i in range(500000))`,
			`len(__import__("zlib").compress(b"lockstep" * 200000))`}},
	}
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(ctx, os.Args[1:], os.Stdout, os.Stderr); errors.Is(err, flag.ErrHelp) {
		return
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// ErrDifferent means that a program prints something else here than in Node.
var ErrDifferent = errors.New("another result than in Node")

// command is main without the process around it.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(stderr)
	if err := flags.Parse(args); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "lockstep-compare")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.CopyFS(work, scripts); err != nil {
		return err
	}
	w := table.NewWriter()
	w.AppendHeader(table.Row{"program", "", "here, processor", "here, passed", "Node, processor",
		"Node, passed"})
	for _, p := range programs() {
		if flags.NArg() > 0 && !slices.Contains(flags.Args(), p.name) {
			continue
		}
		if err := measure(ctx, p, work, w, stderr); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	_, err = fmt.Fprintln(stdout, w.RenderMarkdown())
	return err
}

// cost is what a process took.
type cost struct{ processor, passed time.Duration }

func (c cost) less(d cost) cost { return cost{c.processor - d.processor, c.passed - d.passed} }

// measure adds the rows of a program.
func measure(ctx context.Context, p program, work string, w table.Writer, stderr io.Writer) error {
	binary, cache := filepath.Join(work, p.name), filepath.Join(work, "cache")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary,
		"github.com/lockstep-wasm/lockstep/examples/"+p.name)
	build.Stderr = stderr
	if err := build.Run(); err != nil {
		return err
	}
	manifest, err := stock.Path("php-wasm/package.json")
	if err != nil {
		return err
	}
	modules := filepath.Dir(filepath.Dir(manifest))
	here := append([]string{binary, "-cache", cache}, p.flags...)
	node := []string{"node", filepath.Join(work, "node", p.script), modules}

	first, text, err := run(ctx, here, p.start)
	if err != nil {
		return err
	}
	warm, again, err := run(ctx, here, p.start)
	if err != nil {
		return err
	}
	worked, result, err := run(ctx, here, append([]string{p.start}, p.workload...)...)
	if err != nil {
		return err
	}
	started, nodeText, err := run(ctx, node, p.start)
	if err != nil {
		return err
	}
	nodeWorked, nodeResult, err := run(ctx, node, append([]string{p.start}, p.workload...)...)
	if err != nil {
		return err
	}
	if text != again || text != nodeText || result != nodeResult {
		return fmt.Errorf("%w: %q, %q and %q, %q", ErrDifferent, text, result, nodeText, nodeResult)
	}
	for _, r := range []struct {
		what       string
		here, node cost
	}{{"first start", first, started}, {"warm start", warm, started},
		{"workload", worked.less(warm), nodeWorked.less(started)}} {
		w.AppendRow(table.Row{p.name, r.what, seconds(r.here.processor), seconds(r.here.passed),
			seconds(r.node.processor), seconds(r.node.passed)})
	}
	return nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// run runs a command, and returns what it took and printed.
func run(ctx context.Context, command []string, more ...string) (cost, string, error) {
	args := slices.Concat(command[1:], more)
	cmd := exec.CommandContext(ctx, command[0], args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return cost{}, "", fmt.Errorf("%w\n%s", err, &errs)
	}
	s := cmd.ProcessState
	return cost{s.UserTime() + s.SystemTime(), time.Since(began)}, out.String(), nil
}
