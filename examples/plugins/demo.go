package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero"
)

//go:embed testdata/upper.wasm testdata/number-1.wasm testdata/number-2.wasm testdata/broken.wasm
var built embed.FS

// demo loads plug-ins, replaces one while four goroutines use it, refuses a broken one, and unloads
// one. It tells what happens.
func demo(ctx context.Context, runtime wazero.RuntimeConfig, w io.Writer) (err error) {
	var log bytes.Buffer
	f, err := NewFilters(ctx, runtime, 4, &log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close(ctx)) }()
	load := func(name, file string) error {
		wasm, err := built.ReadFile("testdata/" + file + ".wasm")
		if err != nil {
			return err
		}
		return f.Load(ctx, name, wasm)
	}
	show := func(title string, lines ...string) error {
		fmt.Fprintln(w, title)
		for _, line := range lines {
			filtered, err := f.Filter(ctx, line)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "  %-16s  %s\n", line, filtered)
		}
		return nil
	}
	if err := errors.Join(load("number", "number-1"), load("upper", "upper")); err != nil {
		return err
	}
	if err := show("two plug-ins, number and upper:", "a line", "another one"); err != nil {
		return err
	}
	old, now, err := replace(ctx, f, func() error { return load("number", "number-2") })
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "number was replaced while four goroutines filtered %d lines:\n", old+now)
	fmt.Fprintf(w, "  %d lines through the old version, %d through the new one, none lost\n", old,
		now)
	if err := show("afterwards:", "a line"); err != nil {
		return err
	}
	fmt.Fprintln(w, "a version with another signature is refused, and the old one stays:")
	fmt.Fprintln(w, " ", load("number", "broken"))
	if err := f.Unload(ctx, "number"); err != nil {
		return err
	}
	if err := show("without number:", "a line"); err != nil {
		return err
	}
	fmt.Fprintln(w, "what the plug-ins logged:")
	for line := range strings.Lines(log.String()) {
		fmt.Fprint(w, "  ", line)
	}
	return nil
}

// replace has four goroutines filter lines while load replaces a version, and counts what passed
// through each. Lines pass before, meanwhile and afterwards.
func replace(ctx context.Context, f *Filters, load func() error) (old, now int64, err error) {
	const before = 100 // lines until the version is replaced
	var versions [2]atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, 5)
	stop, busy := make(chan struct{}), make(chan struct{}, before)
	for i := range 4 {
		wg.Go(func() {
			for running := true; running && errs[i] == nil; {
				select {
				case <-stop:
					running = false // after one more line, which the new version gets
				case busy <- struct{}{}:
				default:
				}
				filtered, err := f.Filter(ctx, "line")
				errs[i] = err
				if strings.HasPrefix(filtered, "#") {
					versions[1].Add(1)
				} else if strings.HasSuffix(filtered, ": LINE") {
					versions[0].Add(1)
				} else if err == nil {
					errs[i] = fmt.Errorf("the line became %q", filtered)
				}
			}
		})
	}
	for range before {
		<-busy
	}
	errs[4] = load()
	close(stop)
	wg.Wait()
	return versions[0].Load(), versions[1].Load(), errors.Join(errs...)
}
