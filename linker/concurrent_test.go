package linker_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Four groups with eight goroutines load, resolve, call and spawn at once; in the end all agree.
func TestConcurrentGroups(t *testing.T) {
	for _, c := range []struct {
		name, main string
		waiting    coord.Waiting
	}{
		{"notified", "main-pie", coord.Notified()},
		{"polling", "main-shared", coord.Polling(coord.ReferenceBackoff())},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := newImage(t, c.main, "threads",
				func(config *linker.Config) *linker.Config { return config.WithWaiting(c.waiting) })
			groups := []*image{i, i.spawn(), i.spawn(), i.spawn()}
			names := []string{"counter", "fnptr", "manyfn", "chain_a", "circle_a", "diamond_top",
				"symbolic", "callback"}
			symbols := []string{"main_twice", "main_triple", "main_value", "log_append",
				"counter_next", "manyfn_call", "chain_c", "circle_b"}
			var mu sync.Mutex
			pointers := map[string]uint32{}
			var wg sync.WaitGroup
			for k := range 8 {
				wg.Go(func() {
					g := groups[k%4]
					for n := range 8 {
						if _, err := g.g.Open(i.ctx, "lib"+names[(n+k)%8]+".wasm"); err != nil {
							t.Error(err)
						}
						if _, err := g.g.Call(i.ctx, linker.Default, "main_tls_next"); err != nil {
							t.Error(err)
						}
						slot, err := g.g.AllocateClosure(i.ctx)
						if err != nil {
							t.Error(err)
						} else if err := g.g.FreeClosure(i.ctx, slot); err != nil {
							t.Error(err)
						}
						if n == 3 {
							child, err := g.g.Spawn(i.ctx)
							if err != nil {
								t.Error(err)
							} else if err := child.Close(i.ctx); err != nil {
								t.Error(err)
							}
						}
					}
					for n := range symbols {
						name := symbols[(n+k)%len(symbols)]
						sym, err := g.g.Symbol(i.ctx, linker.Default, name)
						if err != nil {
							t.Error(err)
							continue
						}
						mu.Lock()
						if p, ok := pointers[name]; ok && p != sym.Pointer {
							t.Errorf("%s is %d and %d", name, p, sym.Pointer)
						}
						pointers[name] = sym.Pointer
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			for k, g := range groups {
				if got := g.unary(pointers["main_triple"], 4); got != 12 {
					t.Errorf("group %d: *main_triple(4) = %d", k, got)
				}
				if got := g.unary(pointers["chain_c"], 4); got != 7 {
					t.Errorf("group %d: *chain_c(4) = %d", k, got)
				}
			}
			i.want(1, linker.Default, "main_constructed")
			if err := i.l.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

// Two groups resolve the same symbol at the same time: the second one to get its turn finds the
// pointer that the first one made. The order is forced: group 0 does not come to a safepoint until
// group 2, which is inside its guest, has asked for its turn behind group 1.
func TestSymbolLooksAgain(t *testing.T) {
	inside, goOn, published, queued := make(chan int), make(chan struct{}), make(chan struct{}),
		make(chan int, 1024)
	pointers := make([]uint32, 3)
	resolve := func(ctx context.Context, g *linker.Group) {
		sym, err := g.Symbol(ctx, linker.Default, "fnptr_unreferenced")
		if err != nil {
			t.Error(err)
		}
		pointers[g.ID()] = sym.Pointer
	}
	rt := hostCall(t, func(ctx context.Context, g *linker.Group) {
		inside <- g.ID()
		if g.ID() == 0 {
			<-goOn
			return
		}
		<-published
		resolve(ctx, g)
	})
	i := newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithObserver(func(e coord.Event) {
			switch e.Step.Action {
			case protocol.ActRequestLease, protocol.ActPublish:
				queued <- int(e.Step.Group)
			}
		})
	})
	groups := []*image{i, i.spawn(), i.spawn()}
	i.open("fnptr")
	busy, err := i.g.OpenBytes(i.ctx, "busy", callsHost(t, "busy"))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, k := range []int{0, 2} {
		wg.Go(func() {
			if _, err := groups[k].try(busy, "busy"); err != nil {
				t.Error(err)
			}
		})
		<-inside
	}
	for len(queued) > 0 {
		<-queued
	}
	wg.Go(func() { resolve(i.ctx, groups[1].g) })
	for _, what := range []string{"asked", "published"} {
		if got := <-queued; got != 1 {
			t.Fatalf("group %d has %s, not 1", got, what)
		}
	}
	close(published)
	if got := <-queued; got != 2 {
		t.Fatalf("group %d has asked, not 2", got)
	}
	close(goOn)
	wg.Wait()
	resolve(i.ctx, i.g)
	for k, p := range pointers {
		if p != pointers[0] || p == 0 {
			t.Errorf("the pointers are %v", pointers)
		}
		if got := groups[k].unary(p, 1); got != 4 {
			t.Errorf("group %d: *fnptr_unreferenced(1) = %d", k, got)
		}
	}
	if got := i.l.Commits(); got != 3 {
		t.Errorf("%d operations, want 3: two libraries and one pointer", got)
	}
}

// Threads of the guest synchronise through memory: atomics, and a wait that a notification from
// another group ends.
func TestAtomics(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib := i.open("atomic")
	groups := []*image{i, i.spawn(), i.spawn(), i.spawn()}
	var wg sync.WaitGroup
	for _, g := range groups {
		wg.Go(func() {
			for range 100 {
				if _, err := g.try(lib, "atomic_add", 1); err != nil {
					t.Error(err)
				}
			}
			if _, err := g.try(lib, "atomic_guarded_add", 1000); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	i.want(400, lib, "atomic_get")
	i.want(4001, lib, "atomic_guarded_add", 1)
	address := i.call(lib, "atomic_address")
	woken := make(chan uint64)
	go func() {
		r, err := groups[1].g.Call(i.ctx, lib, "atomic_wait", uint64(address), 400,
			api.EncodeI64(-1))
		if err != nil {
			t.Error(err)
			r = []uint64{99}
		}
		woken <- r[0]
	}()
	for {
		if i.call(lib, "atomic_notify", address, 1) == 1 {
			break
		}
		runtime.Gosched()
	}
	if got := <-woken; got != 0 {
		t.Errorf("atomic_wait = %d", got)
	}
}
