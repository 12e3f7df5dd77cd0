package linker_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// growsTable is a library with a function that makes the function table longer.
func growsTable(t testing.TB) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		slots := b.ImportTable("env", "__indirect_function_table", table(0))
		b.ExportFunc("lengthen", b.Func(b.Type(i32, i32), nil,
			new(wasm.Code).RefNull(wasm.FuncRef).LocalGet(0).TableGrow(slots)))
	})
}

// A guest that makes its own table longer would let function pointers mean something else in each group. That is found
// before anything is decided by the length, whoever leads, and it ends with the group.
func TestTableOfItsOwnLength(t *testing.T) {
	for _, leader := range []int{0, 1, 2} {
		eachThreaded(t, func(t *testing.T, i *image) {
			groups := []*image{i, i.spawn(), i.spawn()}
			lib, err := i.g.OpenBytes(i.ctx, "grows", growsTable(t))
			if err != nil {
				t.Fatal(err)
			}
			i.open("other")
			length := groups[1].call(lib, "lengthen", 3)
			before := i.l.Snapshot(i.ctx)
			var wrong *linker.TableError
			want := linker.TableError{Group: groups[1].g.ID(), Length: uint32(length) + 3, Want: uint32(length)}
			if _, err := groups[leader].g.Open(i.ctx, "libfnptr.wasm"); !errors.As(err, &wrong) || *wrong != want {
				t.Errorf("led by %d: %v, want %v", leader, err, &want)
			}
			if _, err := groups[leader].g.Symbol(i.ctx, linker.Default, "other_add"); !errors.As(err, &wrong) {
				t.Errorf("a new function pointer, led by %d: %v", leader, err)
			}
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("led by %d: %s", leader, difference(before, after))
			}
			if err := groups[1].g.Close(i.ctx); err != nil {
				t.Fatal(err)
			}
			fnptr := i.open("fnptr")
			if p := i.symbol(fnptr, "fnptr_unreferenced"); p != groups[2].symbol(fnptr, "fnptr_unreferenced") {
				t.Error("a function has two pointers")
			}
		})
	}
}

// The same in a main module's start function: there is no image then.
func TestMainWithTableOfItsOwnLength(t *testing.T) {
	main := built(t, func(b *wasm.Builder) {
		b.ExportMemory("memory", b.Memory(1, 1, false))
		slots := b.Table(table(5))
		b.ExportTable("__indirect_function_table", slots)
		b.Start(b.Func(b.Type(nil, nil), nil, new(wasm.Code).RefNull(wasm.FuncRef).I32Const(2).TableGrow(slots).Drop()))
	})
	var wrong *linker.TableError
	if l, err := linker.New(t.Context(), newRuntime(t), main, nil); !errors.As(err, &wrong) || *wrong != (linker.TableError{Length: 7, Want: 5}) {
		t.Errorf("%v, %v", l, err)
	}
}
