package linker_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// pollCounter counts how often guests that have used up their rounds call the linker.
type pollCounter struct{ n atomic.Int64 }

// context is one in which the linker's host module has to be made.
func (p *pollCounter) context(ctx context.Context) context.Context {
	return experimental.WithFunctionListenerFactory(ctx, experimental.FunctionListenerFactoryFunc(
		func(d api.FunctionDefinition) experimental.FunctionListener {
			if names := d.ExportNames(); d.GoFunction() != nil && len(names) == 1 &&
				names[0] == linker.HostLoop {
				return p
			}
			return nil
		}))
}

func (p *pollCounter) Before(context.Context, api.Module, api.FunctionDefinition, []uint64,
	experimental.StackIterator) {
	p.n.Add(1)
}
func (p *pollCounter) After(context.Context, api.Module, api.FunctionDefinition, []uint64) {}
func (p *pollCounter) Abort(context.Context, api.Module, api.FunctionDefinition, error)    {}

// rounds is a library that makes as many rounds of a loop, or calls from a loop, as it is told.
func rounds(t testing.TB) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		one := b.Type(i32, i32)
		leaf := b.Func(one, nil, new(wasm.Code).LocalGet(0))
		call := b.Func(one, nil, new(wasm.Code).LocalGet(0).Call(leaf))
		count := func(c *wasm.Code) *wasm.Code {
			return c.LocalGet(0).I32Const(1).I32Sub().LocalTee(0).BrIf(0).End().LocalGet(0)
		}
		b.ExportFunc("rounds", b.Func(one, nil, count(new(wasm.Code).Loop())))
		b.ExportFunc("calls",
			b.Func(one, nil, count(new(wasm.Code).Loop().LocalGet(0).Call(call).Drop())))
	})
}

// A group that is left alone comes to the linker once in so many rounds, whatever there was before:
// what ended its calls, or tried to close it, or linked meanwhile, leaves nothing that makes it
// come more often.
func TestPollsAreRare(t *testing.T) {
	var polls pollCounter
	rt, ctx := newRuntime(t), polls.context(context.Background())
	started := make(chan struct{}, 100)
	hostModule(t, rt, "env",
		map[string]func(context.Context, int32) int32{
			"started": func(_ context.Context, x int32) int32 {
				started <- struct{}{}
				return x
			}})
	config := linker.NewConfig().WithFS(fixtures()).WithSearchPath("threads").WithLoopSafepoints(
		true)
	l, err := linker.New(ctx, rt, readFixture(t, "main-pie.wasm"), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	i := &image{TB: t, ctx: ctx, rt: rt, l: l, g: l.Main()}
	other := i.spawn()
	lib, spin := i.openBytes("rounds", rounds(t)), i.openBytes("spinner", spinner(t))
	const times = 20
	check := func(what string) {
		t.Helper()
		for _, g := range []*image{i, other} {
			for name, perRound := range map[string]int64{"rounds": 1, "calls": 2} {
				before := polls.n.Load()
				g.call(lib, name, times*linker.PollRounds)
				if n := polls.n.Load() - before; n < perRound*times-1 || n > perRound*times+1 {
					t.Errorf("%s: %s in group %d: %d polls instead of %d", what, name, g.g.ID(), n,
						perRound*times)
				}
			}
		}
	}
	check("at first")
	for range 5 {
		callCtx, cancel := context.WithCancel(ctx)
		done := other.goCall(callCtx, spin, "loop", 1)
		<-started
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if _, err := other.g.Call(callCtx, lib, "rounds", 1); !errors.Is(err, context.Canceled) &&
			err != nil {
			t.Error(err)
		}
	}
	check("after calls whose contexts ended")
	timely, cancel := context.WithCancel(ctx)
	if _, err := other.g.Call(timely, lib, "rounds", 5); err != nil {
		t.Error(err)
	}
	cancel()
	check("after a call whose context ended later")
	gate := i.call(linker.Default, "malloc", 4)
	i.call(linker.Default, "poke32", gate, 0)
	done := other.goCall(ctx, spin, "until", gate)
	<-started
	for range 10 {
		if err := i.g.CloseLibrary(ctx, i.open("manyfn")); err != nil {
			t.Error(err)
		}
	}
	i.call(linker.Default, "poke32", gate, 1)
	if err := <-done; err != nil {
		t.Error(err)
	}
	check("after others' operations")
	third := i.spawn()
	if err := third.g.Close(ctx); err != nil {
		t.Error(err)
	}
	check("after a group was closed")
}
