package linker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// together runs f n times at once and returns the errors, those of panics included.
func together(n int, f func(k int) error) (failed []error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	start := make(chan struct{})
	for k := range n {
		wg.Go(func() {
			<-start
			panicked, err := attempt(func() error { return f(k) })
			if panicked != nil {
				err = fmt.Errorf("panic: %v", panicked)
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed = append(failed, fmt.Errorf("image %d: %w", k, err))
			}
		})
	}
	close(start)
	wg.Wait()
	return failed
}

// work uses an image a little: it loads, calls and unloads.
func work(ctx context.Context, l *linker.Linker) error {
	g, err := l.Main().Spawn(ctx)
	if err != nil {
		return err
	}
	for _, name := range []string{"libcounter.wasm", "libdata.wasm", "libfnptr.wasm"} {
		lib, err := g.Open(ctx, name)
		if err != nil {
			return err
		}
		if name == "libcounter.wasm" {
			r, err := l.Main().Call(ctx, lib, "counter_next")
			if err != nil || r[0] != 101 {
				return fmt.Errorf("counter_next: %v, %w", r, err)
			}
		}
		if err := g.CloseLibrary(ctx, lib); err != nil {
			return err
		}
	}
	return l.Close(ctx)
}

// Images that are made at the same time in one runtime do not take each other's names away.
func TestConcurrentNew(t *testing.T) {
	main := readFixture(t, "main-pie.wasm")
	for range 3 {
		ctx, rt := context.Background(), newRuntime(t)
		for _, err := range together(8, func(int) error {
			config := linker.NewConfig().WithFS(fixtures()).WithSearchPath("threads")
			l, err := linker.New(ctx, rt, main, config)
			if err != nil {
				return err
			}
			return work(ctx, l)
		}) {
			t.Error(err)
		}
	}
}

// The same for WASI, which none of them finds in the runtime: each has its own, and leaves none.
func TestConcurrentWASI(t *testing.T) {
	main, err := os.ReadFile("../libraries/testdata/" + libraries.MainLibc)
	if err != nil {
		t.Fatal(err)
	}
	ctx, books := context.Background(), newBooks(newRuntime(t))
	for _, err := range together(4, func(int) error {
		l, err := linker.New(ctx, books, main, linker.NewConfig().WithFS(libraries.FS()))
		if err != nil {
			return err
		}
		return l.Close(ctx)
	}) {
		t.Error(err)
	}
	if instances, codes := books.open(); instances+codes > 0 {
		t.Errorf("%d instances and %d codes are left", instances, codes)
	}
	if books.Module("wasi_snapshot_preview1") != nil {
		t.Error("WASI is left in the runtime")
	}
}

// Images of one runtime load and unload the same code all the time: each has its own hold on it.
func TestSameCodeInSeveralImages(t *testing.T) {
	ctx, rt := context.Background(), newRuntime(t)
	main := readFixture(t, "main-pie.wasm")
	for _, err := range together(4, func(int) error {
		config := linker.NewConfig().WithFS(fixtures()).WithSearchPath("threads").WithCodeCache(0)
		l, err := linker.New(ctx, rt, main, config)
		if err != nil {
			return err
		}
		for range 20 {
			lib, err := l.Main().Open(ctx, "libcounter.wasm")
			if err != nil {
				return err
			}
			if r, err := l.Main().Call(ctx, lib, "counter_next"); err != nil || r[0] != 101 {
				return fmt.Errorf("counter_next: %v, %w", r, err)
			}
			if err := l.Main().CloseLibrary(ctx, lib); err != nil {
				return err
			}
		}
		return l.Close(ctx)
	}) {
		t.Error(err)
	}
}

// Runtimes that share a compilation cache on disk: a fault of the engine is an error at most.
func TestSharedCompilationCache(t *testing.T) {
	main := readFixture(t, "main-pie.wasm")
	dir := t.TempDir()
	for round := range 4 { // the first one fills it
		cache, err := wazero.NewCompilationCacheWithDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range together(min(1+5*round, 6), func(int) error {
			ctx := context.Background()
			rt := wazero.NewRuntimeWithConfig(ctx,
				linker.NewRuntimeConfig().WithCompilationCache(cache))
			defer rt.Close(ctx)
			config := linker.NewConfig().WithFS(fixtures()).WithSearchPath("threads")
			l, err := linker.New(ctx, rt, main, config)
			if err != nil {
				return err
			}
			return work(ctx, l)
		}) {
			t.Error(err)
		}
		if err := cache.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}

// slowRuntime stops in the compilation of what it has not compiled before.
type slowRuntime struct {
	wazero.Runtime
	goOn    <-chan struct{}
	mu      sync.Mutex
	inside  map[string]int
	several []string // what was compiled by several at once
}

// CompileModule implements wazero.Runtime.
func (r *slowRuntime) CompileModule(ctx context.Context, bytes []byte) (wazero.CompiledModule,
	error) {
	key := string(bytes)
	r.mu.Lock()
	if r.inside[key]++; r.inside[key] > 1 {
		r.several = append(r.several, key)
	}
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.inside[key]--
	}()
	<-r.goOn
	return r.Runtime.CompileModule(ctx, bytes)
}

// The same bytes are compiled by one goroutine at a time, whichever image it belongs to; who waits
// for that can give up.
func TestCompileTakesTurns(t *testing.T) {
	main := readFixture(t, "main-pie.wasm")
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		rt := &slowRuntime{Runtime: newRuntime(t), goOn: goOn, inside: map[string]int{}}
		ctx, cancel := context.WithCancel(context.Background())
		failed := make(chan error, 3)
		for k := range 3 {
			callCtx := context.Background()
			if k == 2 {
				synctest.Wait() // the others are there already
				callCtx = ctx
			}
			go func() {
				l, err := linker.New(callCtx, rt, main, nil)
				if err == nil {
					err = l.Close(callCtx)
				}
				failed <- err
			}()
		}
		synctest.Wait()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("who was cancelled: %v", err)
		}
		close(goOn)
		for range 2 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		if n := len(rt.several); n > 0 {
			t.Errorf("%d modules were compiled by several at once", n)
		}
	})
}
