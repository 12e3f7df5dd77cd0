package linked_test

import (
	"context"
	"os"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/fuzz/schedule"
	"github.com/lockstep-wasm/lockstep/linker"
)

// fixture is a linker with two groups, made anew for every schedule; what is compiled is kept.
type fixture struct {
	ctx   context.Context
	cache wazero.CompilationCache
	main  []byte
}

func newFixture(t *testing.T) *fixture {
	main, err := os.ReadFile("../../linker/testdata/main-pie.wasm")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{ctx: context.Background(), cache: wazero.NewCompilationCache(), main: main}
	t.Cleanup(func() {
		if err := f.cache.Close(f.ctx); err != nil {
			t.Error(err)
		}
	})
	return f
}

// program links the fixture's main module, opens a library, makes a second
// group, and lets a task of each group do something at once.
func (f *fixture) program(
	task func(s *schedule.Scheduler, i int, g *linker.Group, lib *linker.Library),
	end func(s *schedule.Scheduler, groups []*linker.Group)) schedule.Program {
	return func(s *schedule.Scheduler) {
		rt := wazero.NewRuntimeWithConfig(f.ctx,
			linker.NewRuntimeConfig().WithCompilationCache(f.cache))
		must := func(err error) bool {
			if err != nil {
				s.Failf("%v", err)
			}
			return err == nil
		}
		config := linker.NewConfig().WithFS(os.DirFS("../../linker/testdata/threads")).WithWaiting(
			s.Notified()).WithMemoryPages(0, 64)
		l, err := linker.New(f.ctx, rt, f.main, config)
		if !must(err) {
			return
		}
		s.Finally(func() { must(rt.Close(f.ctx)) })
		lib, err := l.Main().Open(f.ctx, "libother.wasm")
		if !must(err) {
			return
		}
		second, err := l.Main().Spawn(f.ctx)
		if !must(err) {
			return
		}
		groups := []*linker.Group{l.Main(), second}
		for i, g := range groups {
			s.Go("g"+string(rune('1'+i)), func() { task(s, i, g, lib) })
		}
		s.Finally(func() { end(s, groups) })
	}
}

// Two groups ask for a function's pointer at once, for the first time: both get the same, under
// every schedule. Without a second look after taking the lock there would be two.
func TestSymbolLooksAgain(t *testing.T) {
	f := newFixture(t)
	var pointers [2]uint32
	program := f.program(func(s *schedule.Scheduler, i int, g *linker.Group, lib *linker.Library) {
		sym, err := g.Symbol(f.ctx, lib, "other_add")
		if err != nil {
			s.Failf("%v", err)
		}
		pointers[i] = sym.Pointer
	}, func(s *schedule.Scheduler, groups []*linker.Group) {
		if pointers[0] != pointers[1] || pointers[0] == 0 {
			s.Failf("other_add is %d in one group and %d in the other", pointers[0], pointers[1])
		}
	})
	r := schedule.Check(t, program, schedule.DepthFirst(schedule.Unbounded, 2000),
		schedule.Options{Coarse: true})
	if os.Getenv(schedule.Variable) == "" && r.Schedules < 10 {
		t.Errorf("only %d schedules: the function has a pointer already", r.Schedules)
	}
	t.Logf("%d schedules, all of them: %v", r.Schedules, r.Exhausted)
}
