package space

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// maxTable is how many entries the function table may have.
const maxTable = 24

var errInjected = errors.New("injected")

// world is two groups of one image, and what looks into their tables.
type world struct {
	t      *rapid.T
	shared *Shared
	spaces [2]*Space
	looks  [2]api.Module
	// failAt counts down at each failpoint; at zero the step fails.
	failAt int
}

// compile compiles what a builder or a generator has written.
func (w *world) compile(bytes []byte, err error) wazero.CompiledModule {
	if err != nil {
		w.t.Fatal(err)
	}
	compiled, err := w.shared.Runtime.CompileModule(context.Background(), bytes)
	if err != nil {
		w.t.Fatal(err)
	}
	return compiled
}

func newWorld(ctx context.Context, t *rapid.T, rt wazero.Runtime) *world {
	w := &world{t: t, failAt: math.MaxInt, shared: &Shared{Runtime: rt, MaxCalls: 8,
		Cache: codecache.New(rt, 0, 1, 1, codecache.Errors{
			Panicked: func(v any) error { return fmt.Errorf("a panic: %v", v) }}),
		Errors: Errors{
			Limit: func(string, uint64, uint64) error { return errInjected },
			Load:  func(_ *image.Module, err error) error { return err },
		}}}
	w.shared.BaseCode = w.compile(shim.Base(true, maxTable, false))
	w.shared.TableCode = w.compile(shim.TableAccess(shim.BaseNamespace, "table"))
	i32 := []wasm.ValType{wasm.I32}
	var look wasm.Builder
	function := look.Type(nil, i32)
	table := look.ImportTable(shim.BaseNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	look.ExportFunc("look", look.Func(look.Type(i32, i32), nil, new(wasm.Code).
		LocalGet(0).TableGet(table).RefIsNull().If().I32Const(0).Return().End().
		LocalGet(0).CallIndirect(function, table)))
	code := w.compile(look.Bytes())
	for i := range w.spaces {
		sp := New(w.shared)
		sp.Inject = func(context.Context, failpoint.Point) error {
			if w.failAt--; w.failAt == 0 {
				return errInjected
			}
			return nil
		}
		sp.Dropped = func(*image.Module) {}
		sp.Leads = func(context.Context) bool { return true }
		if err := sp.Open(ctx, 0); err != nil {
			t.Fatal(err)
		}
		var err error
		if w.looks[i], err = w.shared.InstantiateIn(ctx, code, sp.Namespace); err != nil {
			t.Fatal(err)
		}
		w.spaces[i] = &sp
	}
	return w
}

// module makes a module with some functions, each of which returns a number of its own.
func (w *world) module(id uint32, functions int) *image.Module {
	var b wasm.Builder
	for i := range functions {
		b.ExportFunc(fmt.Sprint("f", i), b.Func(b.Type(nil, []wasm.ValType{wasm.I32}), nil,
			new(wasm.Code).I32Const(int32(100*id)+int32(i))))
	}
	bytes, err := b.Bytes()
	m := &image.Module{ID: id, Name: fmt.Sprint("m", id),
		Code: &Code{Compiled: w.compile(bytes, err)}}
	if m.Src, err = wasm.Decode(bytes); err != nil {
		w.t.Fatal(err)
	}
	m.ReadExports()
	return m
}

// contents is what the function table of a group holds, 0 for null, and which modules are there.
func (w *world) contents(ctx context.Context, i int) string {
	sp := w.spaces[i]
	var entries []int32
	for slot := range sp.Slots {
		r, err := w.looks[i].ExportedFunction("look").Call(ctx, uint64(slot))
		if err != nil {
			w.t.Fatal(err)
		}
		entries = append(entries, int32(r[0]))
	}
	for n := len(entries); n > 0 && entries[n-1] == 0; n-- {
		entries = entries[:n-1] // a table cannot shrink: an undo leaves null entries
	}
	var modules []string
	for m, inst := range sp.Instances {
		if inst.Mod != nil {
			modules = append(modules, m.Name)
		}
	}
	slices.Sort(modules)
	return fmt.Sprint(entries, modules)
}

// draw draws a step. holds is what the records say of the slots: which function each has.
func (w *world) draw(loaded []*image.Module, holds map[uint32]*image.Function,
	next uint32) (step Step, m *image.Module, changed map[uint32]*image.Function) {
	t := w.t
	changed = map[uint32]*image.Function{}
	// One of the first free slots is drawn, so that steps meet each other's.
	free := func() uint32 {
		var slots []uint32
		for slot := uint32(1); slot < maxTable && len(slots) < 3; slot++ {
			if holds[slot] == nil && changed[slot] == nil {
				slots = append(slots, slot)
			}
		}
		return rapid.SampledFrom(slots).Draw(t, "slot")
	}
	length := uint32(maxTable)
	switch kind := rapid.IntRange(0, 3).Draw(t, "step"); {
	case kind == 0 || len(loaded) == 0:
		m = w.module(next, rapid.IntRange(1, 3).Draw(t, "functions"))
		s := &LoadStep{Modules: []*image.Module{m}, Slots: length}
		for _, fn := range m.Functions[:rapid.IntRange(0, len(m.Functions)).Draw(t, "fills")] {
			slot := free()
			s.Fills, changed[slot] = append(s.Fills, Fill{fn, slot}), fn
		}
		return s, m, changed
	case kind == 1:
		s := &FillStep{Slots: length}
		for range rapid.IntRange(1, 3).Draw(t, "fills") {
			fn := loaded[rapid.IntRange(0, len(loaded)-1).Draw(t, "module")].Functions[0]
			slot := free()
			s.Fills, changed[slot] = append(s.Fills, Fill{fn, slot}), fn
		}
		return s, nil, changed
	case kind == 2:
		fn := loaded[rapid.IntRange(0, len(loaded)-1).Draw(t, "module")].Functions[0]
		slot := rapid.Uint32Range(1, 5).Draw(t, "closure")
		changed[slot] = fn
		return &ClosureStep{Slot: slot, Fn: fn, Old: holds[slot]}, nil, changed
	}
	return &GrowStep{Slots: length}, nil, changed
}

// A step that fails leaves a group as it was, and so does one that is undone. Groups that make the
// same steps have the same functions in the same entries, and those are what the records say.
func TestSteps(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(ctx)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(ctx, t, rt)
		defer w.close(ctx)
		var loaded []*image.Module
		holds := map[uint32]*image.Function{}
		if err := (&GrowStep{Slots: maxTable}).Apply(ctx, w.spaces[0]); err != nil {
			t.Fatal(err)
		}
		if err := (&GrowStep{Slots: maxTable}).Apply(ctx, w.spaces[1]); err != nil {
			t.Fatal(err)
		}
		for i := range rapid.IntRange(1, 6).Draw(t, "steps") {
			step, m, changed := w.draw(loaded, holds, uint32(i+1))
			before := w.contents(ctx, 0)
			w.failAt = rapid.IntRange(1, 12).Draw(t, "fails at")
			err := step.Apply(ctx, w.spaces[0])
			w.failAt = math.MaxInt
			switch {
			case err != nil && !errors.Is(err, errInjected):
				t.Fatal(err)
			case err == nil && rapid.Bool().Draw(t, "undo"):
				err = errors.Join(step.Undo(ctx, w.spaces[0]), errInjected)
			}
			if err != nil {
				if after := w.contents(ctx, 0); after != before {
					t.Fatalf("%T, %v: %s before, %s after", step, err, before, after)
				}
				continue
			}
			if err := step.Apply(ctx, w.spaces[1]); err != nil {
				t.Fatal(err)
			}
			if m != nil {
				loaded = append(loaded, m)
			}
			for slot, fn := range changed {
				holds[slot] = fn
			}
			w.agree(ctx, holds)
		}
		w.unload(ctx, loaded, holds)
	})
}

// agree checks that both groups hold what the records say.
func (w *world) agree(ctx context.Context, holds map[uint32]*image.Function) {
	a, b := w.contents(ctx, 0), w.contents(ctx, 1)
	if a != b {
		w.t.Fatalf("the groups differ: %s, %s", a, b)
	}
	for slot, fn := range holds {
		r, err := w.looks[1].ExportedFunction("look").Call(ctx, uint64(slot))
		if err != nil {
			w.t.Fatal(err)
		}
		if want := 100*fn.Mod.ID + uint32(fn.Name[1]-'0'); uint32(r[0]) != want {
			w.t.Fatalf("entry %d: %d, want %d", slot, r[0], want)
		}
	}
}

// unload takes a module out of both groups: its entries become null, and the others stay.
func (w *world) unload(ctx context.Context, loaded []*image.Module,
	holds map[uint32]*image.Function) {
	if len(loaded) == 0 {
		return
	}
	m := loaded[rapid.IntRange(0, len(loaded)-1).Draw(w.t, "unloaded")]
	s := &UnloadStep{Modules: []*image.Module{m}}
	for slot, fn := range holds {
		if fn.Mod == m {
			s.Slots = append(s.Slots, slot)
			delete(holds, slot)
		}
	}
	alive := map[*Space]bool{}
	for _, sp := range w.spaces {
		alive[sp] = true
		if err := s.Apply(ctx, sp); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := s.Commit(ctx, alive); err != nil {
		w.t.Fatal(err)
	}
	for _, mod := range s.Closed {
		_ = mod.Close(ctx)
	}
	for slot := range s.Slots {
		r, err := w.looks[0].ExportedFunction("look").Call(ctx, uint64(s.Slots[slot]))
		if err != nil || r[0] != 0 {
			w.t.Fatalf("entry %d of module %s: %v, %v", s.Slots[slot], m.Name, r, err)
		}
	}
	for i, sp := range w.spaces {
		if sp.Instances[m] != nil {
			w.t.Fatalf("group %d still has module %s", i, m.Name)
		}
	}
	w.agree(ctx, holds)
}

// close closes what the groups have in the runtime.
func (w *world) close(ctx context.Context) {
	for i, sp := range w.spaces {
		_ = w.looks[i].Close(ctx)
		sp.CloseInstances(ctx)
	}
}

// Entries of closures that were freed in another group are null before the group goes on.
func TestStaleSlots(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer rt.Close(ctx)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(ctx, t, rt)
		defer w.close(ctx)
		sp, m := w.spaces[0], w.module(1, 1)
		step := &LoadStep{Modules: []*image.Module{m}, Slots: maxTable}
		slots := rapid.SliceOfNDistinct(rapid.Uint32Range(1, maxTable-1), 1, 5,
			rapid.ID[uint32]).Draw(t, "slots")
		for _, slot := range slots {
			step.Fills = append(step.Fills, Fill{m.Functions[0], slot})
		}
		if err := step.Apply(ctx, sp); err != nil {
			t.Fatal(err)
		}
		freed := slots[:rapid.IntRange(0, len(slots)).Draw(t, "freed")]
		for _, slot := range freed {
			sp.Stale.Add(slot)
		}
		if sp.Stale.Any() != (len(freed) > 0) {
			t.Fatalf("%d were freed, and there are some: %t", len(freed), sp.Stale.Any())
		}
		if err := sp.ClearStale(ctx); err != nil || sp.Stale.Any() {
			t.Fatalf("%v; there are some left: %t", err, sp.Stale.Any())
		}
		for _, slot := range slots {
			r, err := w.looks[0].ExportedFunction("look").Call(ctx, uint64(slot))
			if err != nil || (r[0] == 0) != slices.Contains(freed, slot) {
				t.Fatalf("entry %d of %v, freed %v: %v, %v", slot, slots, freed, r, err)
			}
		}
	})
}
