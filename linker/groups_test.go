package linker_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// eachThreaded runs a test with every main module that can have several groups.
func eachThreaded(t *testing.T, f func(t *testing.T, i *image)) {
	for _, m := range mains {
		if m.groups {
			t.Run(m.name, func(t *testing.T) { f(t, newImage(t, m.name, m.libs, nil)) })
		}
	}
}

// A group that is added sees the memory as it is: no data is written and no constructor is run again.
func TestSpawnSharesMemory(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		counter, data := i.open("counter"), i.open("data")
		i.open("ctor")
		i.want(101, counter, "counter_next")
		i.call(data, "data_move")
		before := i.log()
		other := i.spawn()
		other.want(102, counter, "counter_next")
		i.want(103, counter, "counter_next")
		other.want(6, data, "data_read_private")
		other.want(1, linker.Default, "main_constructed")
		if got := other.log(); len(got) != len(before) {
			t.Errorf("log: %v, then %v", before, got)
		}
		if a, b := i.call(linker.Default, "stack_probe"), other.call(linker.Default, "stack_probe"); a == b {
			t.Errorf("both groups have their stack at %#x", a)
		}
		stack := i.open("stack")
		if a, b := i.call(stack, "stack_address"), other.call(stack, "stack_address"); a == b {
			t.Errorf("both groups have the library's stack at %#x", a)
		}
	})
}

// A function pointer means the same function in every group, whoever made it, before or after the group was.
func TestPointersInAllGroups(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		lib := i.open("fnptr")
		pointers := map[string]int32{
			"fnptr_exported": 5, "other_add": 1003, "other_negate": -3, "main_twice": 6, "main_triple": 9, "fnptr_unreferenced": 6,
		}
		early := i.symbol(lib, "fnptr_unreferenced")
		groups := []*image{i, i.spawn(), i.spawn()}
		groups[2].open("callback") // loaded by another group than the first
		groups = append(groups, groups[1].spawn())
		if late := groups[3].symbol(lib, "fnptr_unreferenced"); late != early {
			t.Errorf("fnptr_unreferenced is %d, then %d", early, late)
		}
		for name, want := range pointers {
			pointer := groups[len(name)%4].symbol(linker.Default, name)
			for k, g := range groups {
				if again := g.symbol(linker.Default, name); again != pointer {
					t.Errorf("group %d: %s is %d, not %d", k, name, again, pointer)
				}
				if got := g.unary(pointer, 3); got != want {
					t.Errorf("group %d: *%s(3) = %d, want %d", k, name, got, want)
				}
			}
		}
		// Through memory: one group stores a pointer, another calls it.
		groups[1].call(linker.Default, "callback_keep", int32(groups[2].symbol(linker.Default, "callback_apply")-0))
		groups[1].call(linker.Default, "callback_keep", int32(early))
		for _, g := range groups {
			g.want(13, linker.Default, "callback_call_kept", 10)
		}
	})
}

// Every group has its own thread-local variables, which start from their initial values.
func TestThreadLocalStorage(t *testing.T) {
	for _, main := range []string{"main-pie", "main-shared"} {
		t.Run(main, func(t *testing.T) {
			i := newImage(t, main, "threads", nil)
			early := i.spawn()
			lib := i.open("tls")
			late := early.spawn()
			for _, g := range []*image{i, early, late} {
				g.want(51, linker.Default, "main_tls_next")
				g.want(501, lib, "tls_next")
				g.want(502, lib, "tls_next")
				g.want(1, lib, "tls_zero_next", 2)
			}
			if a, b := early.call(lib, "tls_address"), late.call(lib, "tls_address"); a == b {
				t.Errorf("both groups have tls_count at %#x", a)
			}
		})
	}
}

// A closed group is closed for good; the others go on.
func TestCloseGroup(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		lib := i.open("counter")
		other := i.spawn()
		if err := other.g.Close(i.ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := other.try(lib, "counter_next"); !errors.Is(err, linker.ErrGroupClosed) {
			t.Errorf("call in a closed group: %v", err)
		}
		if _, err := other.g.Symbol(i.ctx, lib, "counter_next"); !errors.Is(err, linker.ErrGroupClosed) {
			t.Errorf("Symbol in a closed group: %v", err)
		}
		if err := other.g.Close(i.ctx); err != nil {
			t.Errorf("closing again: %v", err)
		}
		i.open("data")
		i.spawn().want(101, lib, "counter_next")
	})
}

// An image that cannot have several groups says why.
func TestOneGroup(t *testing.T) {
	i := newImage(t, "main-nostack", "plain", nil)
	_, err := i.g.Spawn(i.ctx)
	var imp *linker.ImportError
	if !errors.Is(err, linker.ErrOneGroup) || !errors.As(err, &imp) || imp.Name != "__stack_pointer" {
		t.Errorf("Spawn: %v", err)
	}
}

// Closures have the same entry everywhere, and hold what was put there in every group.
func TestClosures(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		other := i.spawn()
		i.open("fnptr")
		seen := map[uint32]bool{}
		var slots []uint32
		for k := range 150 { // more than one batch
			g := []*image{i, other}[k%2]
			slot, err := g.g.AllocateClosure(i.ctx)
			if err != nil {
				t.Fatal(err)
			}
			if seen[slot] || slot == 0 {
				t.Fatalf("slot %d twice", slot)
			}
			seen[slot] = true
			slots = append(slots, slot)
		}
		slot := slots[120]
		if err := other.g.SetClosure(i.ctx, slot, linker.Default, "main_triple"); err != nil {
			t.Fatal(err)
		}
		for _, g := range []*image{i, other, i.spawn()} {
			if got := g.unary(slot, 5); got != 15 {
				t.Errorf("the closure of 5 is %d", got)
			}
		}
		if err := i.g.SetClosure(i.ctx, slot, linker.Default, "main_twice"); err != nil {
			t.Fatal(err)
		}
		if got := other.unary(slot, 5); got != 10 {
			t.Errorf("the closure of 5 is now %d", got)
		}
		if err := i.g.FreeClosure(i.ctx, slot); err != nil {
			t.Fatal(err)
		}
		var ce *linker.ClosureError
		if err := i.g.FreeClosure(i.ctx, slot); !errors.As(err, &ce) || ce.Slot != slot {
			t.Errorf("freeing twice: %v", err)
		}
		if err := i.g.SetClosure(i.ctx, slot, linker.Default, "main_twice"); !errors.As(err, &ce) {
			t.Errorf("setting a free closure: %v", err)
		}
		var pe *linker.PointerError
		if _, err := i.g.CallPointer(i.ctx, slots[0], nil, nil); !errors.As(err, &pe) {
			t.Errorf("calling an empty closure: %v", err)
		}
	})
}

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
			i := newImage(t, c.main, "threads", func(config *linker.Config) *linker.Config { return config.WithWaiting(c.waiting) })
			groups := []*image{i, i.spawn(), i.spawn(), i.spawn()}
			names := []string{"counter", "fnptr", "manyfn", "chain_a", "circle_a", "diamond_top", "symbolic", "callback"}
			symbols := []string{"main_twice", "main_triple", "main_value", "log_append", "counter_next", "manyfn_call", "chain_c", "circle_b"}
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

// A host function gets the group it is called from, may call back into it, and may wait without holding anybody up.
func TestHostFunctions(t *testing.T) {
	ctx := context.Background()
	rt := newRuntime(t)
	var l *linker.Linker
	var other *linker.Group
	var failure error
	i32 := []api.ValueType{api.ValueTypeI32}
	host := api.GoModuleFunc(func(ctx context.Context, mod api.Module, stack []uint64) {
		g := linker.GroupFromContext(ctx)
		if g == nil || g.Linker() != l || mod.Memory().Size() != l.Memory().Size() {
			failure = fmt.Errorf("the group is %v", g)
			return
		}
		// Another goroutine links while this one waits: without Block, it would wait for this group.
		if err := g.Block(ctx, func() {
			_, err := other.Open(context.Background(), "libcounter.wasm")
			failure = errors.Join(failure, err)
		}); err != nil {
			failure = errors.Join(failure, err)
		}
		// A call into another group and from there back.
		if _, err := other.Call(ctx, linker.Default, "counter_next"); err != nil {
			failure = errors.Join(failure, err)
		}
		r, err := g.Call(ctx, linker.Default, "main_twice", stack[0])
		if err != nil {
			failure = errors.Join(failure, err)
			return
		}
		if err := g.Safepoint(ctx); err != nil {
			failure = errors.Join(failure, err)
		}
		stack[0] = r[0] + 1
	})
	if _, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoModuleFunction(host, i32, i32).Export("nobody_has_this").Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	l = i.l
	other = i.spawn().g
	lib := i.open("unresolved")
	i.want(15, lib, "unresolved_call", 7)
	i.want(15, linker.Default, "call_pointer", i.call(lib, "unresolved_address"), 7)
	if got := i.unary(i.symbol(linker.Default, "nobody_has_this"), 7); got != 15 {
		t.Errorf("through Symbol: %d", got)
	}
	if failure != nil {
		t.Error(failure)
	}
	i.want(104, linker.Default, "counter_next")
}

// Two groups resolve the same symbol at the same time: the second one to get its turn finds the pointer that the
// first one made. The order is forced: group 0 does not come to a safepoint until group 2, which is inside its
// guest, has asked for its turn behind group 1.
func TestSymbolLooksAgain(t *testing.T) {
	inside, goOn, published, queued := make(chan int), make(chan struct{}), make(chan struct{}), make(chan int, 1024)
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

// Threads of the guest synchronise through memory: atomics, and a wait that a notification from another group ends.
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
		r, err := groups[1].g.Call(i.ctx, lib, "atomic_wait", uint64(address), 400, api.EncodeI64(-1))
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

// Functions of the host may come from a module of any name.
func TestEnvModule(t *testing.T) {
	rt := newRuntime(t)
	i32 := []api.ValueType{api.ValueTypeI32}
	if _, err := rt.NewHostModuleBuilder("elsewhere").NewFunctionBuilder().
		WithGoModuleFunction(api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) { stack[0] += 100 }), i32, i32).
		Export("nobody_has_this").Instantiate(context.Background()); err != nil {
		t.Fatal(err)
	}
	i := newImageIn(t, rt, "main-pie", "threads", func(c *linker.Config) *linker.Config { return c.WithEnvModule("elsewhere") })
	i.want(105, i.open("unresolved"), "unresolved_call", 5)
}
