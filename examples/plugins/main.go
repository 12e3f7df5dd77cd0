// Command plugins passes lines of text through plug-ins: C libraries that users supply, which are
// replaced while they are in use. It is built on package plugin.
//
//	go run ./examples/plugins
//
// shows it: two plug-ins, one of them replaced under four goroutines, one refused. Then with files:
//
//	mkdir plugins.d && cp examples/plugins/testdata/upper.wasm plugins.d
//	go run ./examples/plugins -dir plugins.d
//
// Type lines, and copy testdata/number-1.wasm, then number-2.wasm, to plugins.d/number.wasm
// meanwhile. A plug-in is what src/plugin.h says; build.sh shows how to build one. Several
// goroutines can filter at once (-threads), with -batch lines at a time; the output keeps their
// order.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/tetratelabs/wazero"
)

func main() {
	err := command(context.Background(), nil, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "plugins:", err)
		os.Exit(1)
	}
}

// command is main without the process around it.
func command(ctx context.Context, runtime wazero.RuntimeConfig, args []string, stdin io.Reader,
	stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("plugins", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "", "folder of the plug-ins, *.wasm; without it a demonstration")
	threads := flags.Int("threads", 2, "calls of plug-ins at once, 1 to 64")
	batch := flags.Int("batch", 1,
		"lines that are filtered together; the folder is looked at before each batch")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *threads < 1 || *batch < 1 {
		flags.Usage()
		return errors.New("no arguments, and at least one thread and one line")
	}
	if *dir == "" {
		return demo(ctx, runtime, stdout)
	}
	filters, err := NewFilters(ctx, runtime, *threads, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, filters.Close(ctx)) }()
	folder := NewFolder(filters, os.DirFS(*dir))
	for lines := bufio.NewScanner(stdin); ; {
		var texts []string
		for len(texts) < *batch && lines.Scan() {
			texts = append(texts, lines.Text())
		}
		if len(texts) == 0 {
			return lines.Err()
		}
		if err := folder.Refresh(ctx); err != nil {
			fmt.Fprintln(stderr, err)
		}
		for _, result := range filterAll(ctx, filters, texts) {
			if _, err := io.WriteString(stdout, result); err != nil {
				return err
			}
		}
	}
}

// filterAll filters lines at once and returns them in order, with what went wrong in place of a
// line.
func filterAll(ctx context.Context, filters *Filters, texts []string) []string {
	var wg sync.WaitGroup
	results := make([]string, len(texts))
	for i, text := range texts {
		wg.Go(func() {
			filtered, err := filters.Filter(ctx, text)
			if err != nil {
				filtered = "error: " + err.Error()
			}
			results[i] = filtered + "\n"
		})
	}
	wg.Wait()
	return results
}
