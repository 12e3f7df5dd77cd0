package explore_test

import (
	"errors"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

// fakeT lets rapid fail without failing the test.
type fakeT struct {
	*testing.T
	log    strings.Builder
	failed bool
}

func (f *fakeT) Logf(format string, args ...any)   { fmt.Fprintf(&f.log, format+"\n", args...) }
func (f *fakeT) Log(args ...any)                   { fmt.Fprintln(&f.log, args...) }
func (f *fakeT) Errorf(format string, args ...any) { f.failed = true; f.Logf(format, args...) }
func (f *fakeT) Error(args ...any)                 { f.failed = true; f.Log(args...) }
func (f *fakeT) Fail()                             { f.failed = true }
func (f *fakeT) FailNow()                          { f.failed = true; runtime.Goexit() }
func (f *fakeT) Failed() bool                      { return f.failed }

// The choices are drawn by rapid: the program and the schedule shrink together.
func TestDrawnByRapid(t *testing.T) {
	if !explore.Here(t) {
		return
	}
	if err := flag.Set("rapid.nofailfile", "true"); err != nil {
		t.Fatal(err)
	}
	least, switches := 100, 100
	fake := &fakeT{T: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		rapid.Check(fake, func(t *rapid.T) {
			workers := rapid.IntRange(1, 4).Draw(t, "workers")
			rounds := rapid.IntRange(1, 3).Draw(t, "rounds")
			turned := 0
			err := explore.Draw(func(r *explore.Run) {
				var mu sync.Mutex
				var wg sync.WaitGroup
				n := 0
				for range workers {
					wg.Go(func() {
						for range rounds {
							mu.Lock()
							seen := n
							mu.Unlock()
							mu.Lock()
							n = seen + 1
							mu.Unlock()
						}
					})
				}
				wg.Wait()
				if n != workers*rounds {
					r.Failf("%d instead of %d", n, workers*rounds)
				}
			}, func(n int) int {
				k := rapid.IntRange(0, n-1).Draw(t, "next")
				if k > 0 {
					turned++
				}
				return k
			})
			var failure *explore.Failure
			if err == nil {
				return
			}
			if !errors.As(err, &failure) || !strings.Contains(err.Error(), "instead of") {
				t.Fatalf("unexpected: %v", err)
			}
			least, switches = workers*rounds, turned
			t.Fatalf("%v", err)
		})
	}()
	<-done
	// What rapid ends at cannot be made smaller by one of its steps; it need not be the smallest.
	if !fake.failed || least > 3 || switches > 3 {
		t.Errorf("failed %v with %d operations and %d switches\n%s", fake.failed, least, switches,
			fake.log.String())
	}
}
