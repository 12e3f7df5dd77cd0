package linker_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/linker"
)

// Close stops what is being compiled, and waits for the engine, which must not be closed meanwhile:
// until its context ends, and the next Close goes on waiting. A call that still waits for the
// library gets ErrClosed, and the code of one that was given up is closed, too.
func TestCloseEndsCompilations(t *testing.T) {
	for _, workers := range []int{1, 2} {
		for _, givenUp := range []bool{true, false} {
			t.Run(fmt.Sprintf("%d workers, given up %t", workers, givenUp), func(t *testing.T) {
				i, rt, _ := gatedImage(t, func(c *linker.Config) *linker.Config {
					return c.WithCompilers(1, workers)
				})
				open := rt.gate.close()
				defer open()
				ctx, cancel := context.WithCancel(i.ctx)
				defer cancel()
				done := make(chan error, 1)
				go func() { _, err := i.g.OpenBytes(ctx, "slow", slowLibrary(t)); done <- err }()
				<-rt.gate.reached
				compiled := rt.compilations()
				if givenUp {
					cancel()
					if err := <-done; !errors.Is(err, context.Canceled) {
						t.Errorf("Open: %v", err)
					}
				}
				closeSoon := func() error {
					ctx, cancel := context.WithTimeout(i.ctx, 10*time.Millisecond)
					defer cancel()
					return i.l.Close(ctx)
				}
				err := closeSoon()
				for tries := 1; tries < 1000 && !errors.Is(err, linker.ErrCompiling); tries++ {
					err = closeSoon() // there was no time for the rest
				}
				if !errors.Is(err, linker.ErrCompiling) ||
					!errors.Is(err, context.DeadlineExceeded) {
					t.Fatalf("Close while it compiles: %v", err)
				}
				if err := closeSoon(); !errors.Is(err, linker.ErrCompiling) {
					t.Errorf("Close once more: %v", err)
				}
				open()
				if err := i.l.Close(i.ctx); err != nil {
					t.Errorf("Close at last: %v", err)
				}
				if !givenUp {
					if err := <-done; !errors.Is(err, linker.ErrClosed) {
						t.Errorf("Open: %v", err)
					}
				}
				if instances, codes := rt.open(); instances+codes > 0 {
					t.Errorf("%d instances and %d compiled modules are left", instances, codes)
				}
				if n := rt.compilations() - compiled; workers > 1 && n > 0 {
					t.Error("the engine was not stopped")
				}
			})
		}
	}
}

// When the linker is closed nothing is compiled any more, not even for loads that have begun
// before.
func TestNothingIsCompiledAfterClose(t *testing.T) {
	i, rt, files := gatedImage(t, nil)
	open := files.gate.close()
	defer open()
	ctx, cancel := context.WithCancel(i.ctx)
	defer cancel()
	files.file = func() (fs.File, error) { return fixtures().Open("threads/libcounter.wasm") }
	done := make(chan error, 1)
	go func() { _, err := i.g.Open(ctx, "libslow.wasm"); done <- err }()
	<-files.gate.reached
	if err := i.l.Close(i.ctx); err != nil {
		t.Fatal(err)
	}
	compiled := rt.compilations()
	open()
	if err := <-done; !errors.Is(err, linker.ErrClosed) {
		t.Errorf("Open: %v", err)
	}
	if n := rt.compilations() - compiled; n > 0 {
		t.Errorf("%d modules were compiled in a runtime that may be closed", n)
	}
}
