package shim

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Base writes the module that a group starts with: its PLT, a stack pointer and, when
// the main module brings none, the function table.
func Base(ownTable bool, tableMax uint32, loopSafepoints bool) ([]byte, error) {
	var b wasm.Builder
	plt := b.Table(wasm.TableType{Elem: wasm.FuncRef})
	b.ExportTable(BasePLT, plt)
	if ownTable {
		b.ExportTable("table", b.Table(wasm.TableType{Elem: wasm.FuncRef,
			Limits: wasm.Limits{Min: 1, Max: tableMax, HasMax: true}}))
	}
	b.ExportGlobal(BaseStackPointer, b.Global(wasm.I32, true, wasm.ConstI32(0)))
	if loopSafepoints {
		b.ExportGlobal(BaseSafepoint, b.Global(wasm.I32, true, wasm.ConstI32(0)))
	}
	i32 := []wasm.ValType{wasm.I32}
	b.ExportFunc(BaseGrowPLT, b.Func(b.Type(i32, i32), nil,
		new(wasm.Code).RefNull(wasm.FuncRef).LocalGet(0).TableGrow(plt)))
	b.ExportFunc(BaseClearPLT, b.Func(b.Type(i32, nil), nil,
		new(wasm.Code).LocalGet(0).RefNull(wasm.FuncRef).TableSet(plt)))
	return b.Bytes()
}

// TableAccess writes the module that re-exports a group's function table, wherever it is
// defined, and changes it.
func TableAccess(namespace, name string) ([]byte, error) {
	var b wasm.Builder
	table := b.ImportTable(namespace, name, wasm.TableType{Elem: wasm.FuncRef})
	b.ExportTable("table", table)
	i32 := []wasm.ValType{wasm.I32}
	b.ExportFunc(TableSize, b.Func(b.Type(nil, i32), nil, new(wasm.Code).TableSize(table)))
	b.ExportFunc(TableGrow, b.Func(b.Type(i32, i32), nil,
		new(wasm.Code).RefNull(wasm.FuncRef).LocalGet(0).TableGrow(table)))
	b.ExportFunc(TableClear, b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil), nil,
		new(wasm.Code).LocalGet(0).RefNull(wasm.FuncRef).LocalGet(1).TableFill(table)))
	return b.Bytes()
}

// Memory writes the module that defines the image's memory.
func Memory(minimum, maximum uint32, shared bool) ([]byte, error) {
	var b wasm.Builder
	b.ExportMemory("memory", b.Memory(minimum, maximum, shared))
	return b.Bytes()
}

// AnyMemory is the type of a memory import that accepts every memory.
func AnyMemory(shared bool) wasm.MemoryType {
	return wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: shared}
}

// Caller writes a module that calls function pointers of one signature: its parameters, then
// the pointer. (wazero's own look-up of table entries takes an imported function for the first
// function of its module.)
func Caller(t wasm.FuncType) ([]byte, error) {
	var b wasm.Builder
	table := b.ImportTable(TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	var c wasm.Code
	for i := range t.Params {
		c.LocalGet(uint32(i))
	}
	c.LocalGet(uint32(len(t.Params))).CallIndirect(b.Type(t.Params, t.Results), table)
	params := append(slices.Clone(t.Params), wasm.I32)
	b.ExportFunc("call", b.Func(b.Type(params, t.Results), nil, &c))
	return b.Bytes()
}

// HookFiller writes the module that fills a table of functions of the linker, which a module
// exports under a name.
func HookFiller(name string, imports []string, types []wasm.FuncType, host string) ([]byte,
	error) {
	var b wasm.Builder
	var functions []uint32
	for k, t := range types {
		functions = append(functions,
			b.ImportFunc(host, imports[k], b.Type(t.Params, t.Results)))
	}
	table := b.ImportTable(name, name, wasm.TableType{Elem: wasm.FuncRef})
	b.ActiveFuncs(table, wasm.ConstI32(0), functions...)
	return b.Bytes()
}

// Exports of the generated modules that every group has.
const (
	BasePLT          = "plt"
	BaseGrowPLT      = "grow_plt"
	BaseClearPLT     = "clear_plt"
	BaseStackPointer = "stack_pointer"
	BaseSafepoint    = "poll" // a loop budget
	TableGrow        = "grow"
	TableSize        = "size"
	TableClear       = "clear"
	PutSlot          = "put" // (slot, i): function i into the function table
	PutPLT           = "plt" // (entry, i): function i into the PLT
)
