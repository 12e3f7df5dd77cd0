package adversary_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seedFlag = flag.Int(
		"adversary.seed",
		1,
		"`seed` of the first program; the others have the next ones",
	)
	programsFlag = flag.Int(
		"adversary.programs",
		0,
		"`number` of programs; 0: a few, or as many as there is time for",
	)
	durationFlag = flag.Duration(
		"adversary.duration",
		0,
		"`time` after which no program is begun; 0: a few programs",
	)
)

// few is how many programs run when nothing is said.
const few = 60

// Random programs that mean harm, one after the other, each in a runtime of its own.
func TestAdversary(t *testing.T) {
	s, err := openShop()
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	t.Cleanup(func() {
		if err := s.cache.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	total := map[string]int64{}
	end := time.Now().Add(*durationFlag)
	for i := 0; more(i, end); i++ {
		s.attack(t, ctx, draw(*seedFlag+i), total)
	}
	for _, what := range slices.Sorted(maps.Keys(total)) {
		t.Logf("%7d %s", total[what], what)
	}
	if !t.Failed() && *programsFlag == 0 && *durationFlag == 0 {
		happened(t, total)
	}
}

// more tells whether there is to be a program of this number.
func more(i int, end time.Time) bool {
	switch {
	case *programsFlag > 0:
		return i < *programsFlag
	case *durationFlag > 0:
		return time.Now().Before(end)
	}
	return i < few
}

// happened checks that every act that is enabled has succeeded at least once.
func happened(t *testing.T, total map[string]int64) {
	for k := range kinds {
		if k == exits || k == panics || k == traps {
			continue
		}
		if total[k.String()+": ok"] == 0 {
			t.Errorf("%v has never succeeded", k)
		}
	}
}

// attack runs a program, and fails the test with the command that runs it again.
func (s *shop) attack(t *testing.T, ctx context.Context, p *program, total map[string]int64) {
	goroutines := runtime.NumGoroutine()
	w, err := s.newWorld(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.run(ctx)
		w.finish(ctx)
	}()
	watch(t, w, done)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for runtime.NumGoroutine() > goroutines+1 { // this one is another
			runtime.Gosched()
		}
	}()
	watch(t, w, ended)
	w.counts.Range(func(k, v any) bool {
		total[k.(string)] += v.(*atomic.Int64).Load()
		return true
	})
	if failures := w.failed(); len(failures) > 0 {
		t.Fatalf("%s\n\nto run it again: %s", strings.Join(failures, "\n"), p.command())
	}
}

// command runs a program again, in another interleaving.
func (p *program) command() string {
	return fmt.Sprintf(
		"go test -count=1 ./fuzz/adversary -adversary.seed=%d -adversary.programs=1", p.seed)
}

// patience is after how long without any step a program is taken to hang. It only has to be much
// longer than a step takes on a loaded machine.
const patience = time.Minute

// watch waits for the end of a program. One that hangs fails the test, with the stacks of all
// goroutines in a file, and what was under way.
func watch(t *testing.T, w *world, done <-chan struct{}) {
	last := int64(-1)
	for {
		select {
		case <-done:
			return
		case <-time.After(patience):
		}
		if now := w.steps.Load() + w.bell.rung.Load(); now != last {
			last = now
			continue
		}
		var under []string
		w.running.Range(func(_, what any) bool {
			under = append(under, what.(string))
			return true
		})
		t.Fatalf(
			"it hangs; stacks: %s\nunder way:\n%s\nbefore:\n%s\nto run it again: %s",
			dump(
				w.p.seed,
			),
			strings.Join(under, "\n"),
			strings.Join(w.failed(), "\n"),
			w.p.command(),
		)
	}
}

// dump writes the stacks of all goroutines to a file.
func dump(seed int) string {
	name := filepath.Join(os.TempDir(), fmt.Sprintf("adversary-%d.txt", seed))
	file, err := os.Create(name)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	if err := pprof.Lookup("goroutine").WriteTo(file, 2); err != nil {
		return err.Error()
	}
	return name
}
