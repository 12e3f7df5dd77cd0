// Command threads has eight threads compute while a ninth loads and unloads a library:
//
//	go run ./examples/threads
//
// The threads share one memory. Each checksums the same text with zlib's crc32, call after call;
// the ninth opens Lua, looks a function up in it, and closes it again. A load gathers all threads,
// for the moment in which it becomes visible to all of them at once, and each has the same function
// pointer afterwards.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/cabi"
)

func main() {
	rounds := flag.Int("rounds", 20, "how often the library is loaded and unloaded")
	threads := flag.Int("threads", 8, "threads that compute")
	flag.Parse()
	if *rounds < 1 || *threads < 1 || *threads >= linker.DefaultMaxGroups {
		fmt.Fprintf(os.Stderr, "threads: at least one round, and 1 to %d threads\n",
			linker.DefaultMaxGroups-1)
		os.Exit(2)
	}
	if err := cached(context.Background(), *threads, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "threads:", err)
		os.Exit(1)
	}
}

// cached runs with a folder for compiled code: a library is compiled for its first load only.
func cached(ctx context.Context, threads, rounds int) (err error) {
	dir, err := os.MkdirTemp("", "threads-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cache.Close(ctx)) }()
	config := linker.NewRuntimeConfig().WithCompilationCache(cache)
	return run(ctx, config, threads, rounds, os.Stdout)
}

// crc32 is zlib's function.
type crc32 = func(ctx context.Context, crc uint32, text cabi.Pointer, size uint32) (uint32, error)

// textSize is how much one call checksums, in bytes.
const textSize = 64 << 10

// computer is a thread that computes.
type computer struct {
	group *linker.Group
	calls int
	err   error
}

func run(ctx context.Context, config wazero.RuntimeConfig, threads, rounds int, w io.Writer) error {
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	defer rt.Close(ctx)
	l, err := libraries.LinkLibc(ctx, rt, linker.NewConfig().WithFS(libraries.FS()))
	if err != nil {
		return err
	}
	defer l.Close(ctx)
	main := l.Main() // the ninth
	zlib, err := main.Open(ctx, libraries.Zlib)
	if err != nil {
		return err
	}
	text, err := cabi.NewBytes(ctx, main, []byte(strings.Repeat("lockstep", textSize/8)))
	if err != nil {
		return err
	}
	sum, err := cabi.Bind[crc32](ctx, main, zlib, "crc32")
	if err != nil {
		return err
	}
	want, err := sum(ctx, 0, text, textSize)
	if err != nil {
		return err
	}

	if _, err := load(ctx, main, nil, 1); err != nil { // compiles it
		return err
	}
	computers := make([]computer, threads)
	for i := range computers {
		if computers[i].group, err = main.Spawn(ctx); err != nil {
			return err
		}
	}
	var stop atomic.Bool
	var running sync.WaitGroup
	begin := time.Now()
	for i := range computers {
		c := &computers[i]
		running.Go(func() {
			c.err = c.compute(ctx, zlib, text, want, &stop)
		})
	}
	loads, err := load(ctx, main, computers, rounds)
	stop.Store(true)
	running.Wait()
	if err != nil {
		return err
	}
	took := time.Since(begin)
	fmt.Fprintf(w, "%d loads and %d unloads in %.1f s, %.1f ms each; meanwhile:\n\n", loads, loads,
		took.Seconds(), took.Seconds()*1000/float64(2*loads))
	fmt.Fprintln(w, "thread    calls      MB/s")
	total := 0
	for _, c := range computers {
		if c.err != nil {
			return c.err
		}
		total += c.calls
		fmt.Fprintf(w, "%6d %8d %9.1f  %s\n", c.group.ID(), c.calls,
			float64(c.calls)*textSize/1e6/took.Seconds(), bar(c.calls, computers))
	}
	fmt.Fprintf(w, "   all %8d %9.1f\n\nall %d checksums are %08x\n", total,
		float64(total)*textSize/1e6/took.Seconds(), total, want)
	return nil
}

// compute checksums the text until it is told to stop.
func (c *computer) compute(ctx context.Context, zlib *linker.Library, text cabi.Pointer,
	want uint32, stop *atomic.Bool) error {
	sum, err := cabi.Bind[crc32](ctx, c.group, zlib, "crc32")
	if err != nil {
		return err
	}
	for !stop.Load() || c.calls == 0 {
		got, err := sum(ctx, 0, text, textSize)
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("thread %d: the checksum is %08x, not %08x", c.group.ID(), got, want)
		}
		c.calls++
	}
	return nil
}

// load loads and unloads Lua, and compares the function pointers of all threads.
func load(ctx context.Context, g *linker.Group, all []computer, rounds int) (int, error) {
	const function = "luaL_newstate"
	for load := range rounds {
		lib, err := g.Open(ctx, libraries.Lua)
		if err != nil {
			return load, err
		}
		here, err := g.Symbol(ctx, lib, function)
		if err != nil {
			return load, err
		}
		for i := range all {
			c := &all[i] // not a copy: its thread counts calls
			there, err := c.group.Symbol(ctx, lib, function)
			if err != nil {
				return load, err
			}
			if there.Pointer != here.Pointer {
				return load, fmt.Errorf("%s is %d here, and %d in thread %d", function,
					here.Pointer, there.Pointer, c.group.ID())
			}
		}
		if err := g.CloseLibrary(ctx, lib); err != nil {
			return load, err
		}
	}
	return rounds, nil
}

// bar draws a number beside the largest of all.
func bar(calls int, all []computer) string {
	most := 1
	for _, c := range all {
		most = max(most, c.calls)
	}
	return strings.Repeat("▪", calls*30/most)
}
