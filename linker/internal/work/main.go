// Work counts what the linker does for inputs of growing size: how many statements of this module
// are executed, by the counters that the Go compiler adds for test coverage, and how many bytes are
// allocated. Unlike time, both are the same on every machine.
//
//	go run ./linker/internal/work            prints the table of spec/work.md
//
// It builds itself again with counters, and runs that once for each measurement.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/coverage"
	"testing/fstest"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

var errNoKind = errors.New("there is no such kind")

func main() {
	measureOne := flag.String("kind", "", "measure one `kind`, in a program that has counters")
	size := flag.Int("size", 0, "its size")
	dir := flag.String("dir", "", "the folder for its counters")
	flag.Parse()
	if err := run(os.Stdout, *measureOne, *size, *dir); err != nil {
		fmt.Fprintln(os.Stderr, "work:", err)
		os.Exit(1)
	}
}

func run(out io.Writer, measureOne string, size int, dir string) error {
	if measureOne == "" {
		rows, err := measureAll(context.Background(), kinds(), ours, maps, engine)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(out, table(rows))
		return err
	}
	for _, k := range kinds() {
		if k.name == measureOne {
			allocated, err := measure(context.Background(), k, size, dir)
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			_, err = fmt.Fprintln(out, allocated)
			return err
		}
	}
	return fmt.Errorf("%w: %q", errNoKind, measureOne)
}

// image is what inputs are opened in: a main module, and a file system with what a kind puts there.
type image struct {
	group  *linker.Group
	files  fstest.MapFS
	folder string // whose files are in the file system, too
}

// measure leaves in a folder what was executed, and returns how many bytes were allocated.
func measure(ctx context.Context, k kind, size int, dir string) (allocated uint64, err error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	files := fstest.MapFS{}
	folder, err := os.MkdirTemp("", "work")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	var b wasm.Builder
	b.ExportFunc("main", b.Func(b.Type(nil, nil), nil, nil))
	main, err := b.Bytes()
	if err != nil {
		return 0, err
	}
	config := linker.NewConfig().WithFS(folders{files, os.DirFS(folder)}).
		WithDataAllocator(linker.OwnPages).WithPointerQuarantine(0)
	l, err := linker.New(ctx, rt, main, config)
	if err != nil {
		return 0, err
	}
	measured, err := k.prepare(ctx, &image{l.Main(), files, folder}, size)
	if err != nil {
		return 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := coverage.ClearCounters(); err != nil {
		return 0, err
	}
	if err := measured(); err != nil {
		return 0, err
	}
	if err := coverage.WriteCountersDir(dir); err != nil {
		return 0, err
	}
	runtime.ReadMemStats(&after)
	if err := coverage.WriteMetaDir(dir); err != nil {
		return 0, err
	}
	return after.TotalAlloc - before.TotalAlloc, nil
}
