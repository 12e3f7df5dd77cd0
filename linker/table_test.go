package linker_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// tableChanges are the instructions that change a table, by their names.
func tableChanges(b *wasm.Builder, table uint32) map[string]*wasm.Code {
	f := b.Func(b.Type(nil, nil), nil, nil)
	segment := b.PassiveFuncs(f)
	return map[string]*wasm.Code{
		"table.set":  new(wasm.Code).I32Const(0).RefFunc(f).TableSet(table),
		"table.grow": new(wasm.Code).RefNull(wasm.FuncRef).I32Const(1).TableGrow(table).Drop(),
		"table.fill": new(wasm.Code).I32Const(0).RefNull(wasm.FuncRef).I32Const(1).TableFill(table),
		"table.copy": new(wasm.Code).I32Const(0).I32Const(0).I32Const(1).TableCopy(table, table),
		"table.init": new(wasm.Code).I32Const(0).I32Const(0).I32Const(1).TableInit(segment, table),
	}
}

// A library that has an instruction which would change the function table is refused, with no
// trace, wherever the instruction is: others go on linking. It may change tables of its own.
func TestFunctionTableIsNotTheGuests(t *testing.T) {
	eachThreaded(t, func(t *testing.T, i *image) {
		other := i.spawn()
		before := i.l.Snapshot(i.ctx)
		for _, instruction := range []string{"table.set", "table.grow", "table.fill", "table.copy",
			"table.init"} {
			for _, from := range []string{"start", "__wasm_call_ctors", "later"} {
				changes := func(own bool) []byte {
					return library(t, dylink.Info{}, func(b *wasm.Builder) {
						slots := b.ImportTable("env", "__indirect_function_table", table(0))
						if own {
							slots = b.Table(table(4))
						}
						f := b.Func(b.Type(nil, nil), nil, tableChanges(b, slots)[instruction])
						if from == "start" {
							b.Start(f)
						} else {
							b.ExportFunc(from, f)
						}
					})
				}
				var wrong *linker.TableError
				_, err := i.g.OpenBytes(i.ctx, "changes", changes(false))
				if !errors.As(err, &wrong) || wrong.Module != "changes" ||
					wrong.Instruction != instruction ||
					wrong.Offset == 0 ||
					!strings.Contains(err.Error(), "load changes: module changes: "+instruction) {
					t.Errorf("%s in %s: %v", instruction, from, err)
				}
				if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
					t.Errorf("%s in %s: %s", instruction, from, difference(before, after))
				}
				i.closeLibrary(other.openBytes("own", changes(true)))
			}
		}
		i.want(101, other.open("counter"), "counter_next")
	})
}

// The same for a main module, of a table that it imports or that it brings: there is no image then.
func TestFunctionTableIsNotTheMainModules(t *testing.T) {
	for _, imported := range []bool{false, true} {
		for _, instruction := range []string{"table.set", "table.grow"} {
			main := built(t, func(b *wasm.Builder) {
				var slots uint32
				if imported {
					slots = b.ImportTable("env", "__indirect_function_table", table(5))
				}
				b.ExportMemory("memory", b.Memory(1, 1, false))
				if !imported {
					slots = b.Table(table(5))
					b.ExportTable("__indirect_function_table", slots)
				}
				b.Start(b.Func(b.Type(nil, nil), nil, tableChanges(b, slots)[instruction]))
			})
			var wrong *linker.TableError
			l, err := linker.New(t.Context(), newRuntime(t), main, nil)
			if !errors.As(err, &wrong) || wrong.Instruction != instruction ||
				wrong.Module != "main" {
				t.Errorf("%v, %v", l, err)
			}
		}
	}
}
