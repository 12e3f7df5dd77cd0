package linker_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// eachThreaded runs a test with every main module that can have several groups.
func eachThreaded(t *testing.T, f func(t *testing.T, i *image)) {
	for _, m := range mains {
		if m.groups {
			t.Run(m.name, func(t *testing.T) { f(t, newImage(t, m.name, m.libs, nil)) })
		}
	}
}

// A group that is added sees the memory as it is: no data is written and no constructor is run
// again.
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
		if a, b := i.call(linker.Default, "stack_probe"),
			other.call(linker.Default, "stack_probe"); a == b {
			t.Errorf("both groups have their stack at %#x", a)
		}
		stack := i.open("stack")
		if a, b := i.call(stack, "stack_address"), other.call(stack, "stack_address"); a == b {
			t.Errorf("both groups have the library's stack at %#x", a)
		}
	})
}

// A function pointer means the same function in every group, whichever group made it, before or
// after this group was.
func TestPointersInAllGroups(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		lib := i.open("fnptr")
		pointers := map[string]int32{
			"fnptr_exported": 5, "other_add": 1003, "other_negate": -3, "main_twice": 6,
			"main_triple": 9, "fnptr_unreferenced": 6,
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
		groups[1].call(linker.Default, "callback_keep",
			int32(groups[2].symbol(linker.Default, "callback_apply")-0))
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
		if _, err := other.g.Symbol(i.ctx, lib, "counter_next"); !errors.Is(err,
			linker.ErrGroupClosed) {
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
	if !errors.Is(err, linker.ErrOneGroup) || !errors.As(err, &imp) ||
		imp.Name != "__stack_pointer" {
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

// A host function gets the group it is called from, may call back into it, and may wait without
// delaying others.
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
		// Another goroutine links while this one waits: without Block, it would wait for this
		// group.
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
		WithGoModuleFunction(host, i32,
			i32).Export("nobody_has_this").Instantiate(ctx); err != nil {
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

// Functions of the host may come from a module of any name.
func TestEnvModule(t *testing.T) {
	rt := newRuntime(t)
	i32 := []api.ValueType{api.ValueTypeI32}
	if _, err := rt.NewHostModuleBuilder("elsewhere").NewFunctionBuilder().
		WithGoModuleFunction(
			api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
				stack[0] += 100
			}), i32, i32).
		Export("nobody_has_this").Instantiate(context.Background()); err != nil {
		t.Fatal(err)
	}
	i := newImageIn(t, rt, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithEnvModule("elsewhere") })
	i.want(105, i.open("unresolved"), "unresolved_call", 5)
}
