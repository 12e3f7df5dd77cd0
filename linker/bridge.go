package linker

import (
	"context"
	"maps"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// planBridges distributes bindings over few bridges. A namespace goes into the first one behind all
// that have one of its names.
func planBridges(m *image.Module, bindings []shim.Binding) {
	spaces := map[string][]shim.Binding{}
	for _, b := range bindings {
		spaces[b.Imp.Module] = append(spaces[b.Imp.Module], b)
	}
	space.CodeOf(m).Sources = make(map[string]shim.Source, len(spaces))
	next := map[string]int{} // by name, the bridge behind the last one that has it
	for _, namespace := range slices.Sorted(maps.Keys(spaces)) {
		list := spaces[namespace]
		if gateway := onlyGateway(list); gateway != nil {
			space.CodeOf(m).Sources[namespace] = shim.Source{Shim: -1, Host: gateway}
			continue
		}
		i := 0
		for _, x := range list {
			i = max(i, next[x.Imp.Name])
		}
		for _, x := range list {
			next[x.Imp.Name] = i + 1
		}
		if i == len(space.CodeOf(m).Shims) {
			space.CodeOf(m).Shims =
				append(space.CodeOf(m).Shims, &space.ImportShim{Shim: &shim.Shim{}})
		}
		space.CodeOf(m).Shims[i].Bindings = append(space.CodeOf(m).Shims[i].Bindings, list...)
		space.CodeOf(m).Sources[namespace] = shim.Source{Shim: i}
	}
}

// onlyGateway returns the gateway that satisfies all of a namespace under the same names, if there
// is one.
func onlyGateway(list []shim.Binding) *image.Module {
	var gateway *image.Module
	for _, b := range list {
		if b.Kind != shim.BindFunction || space.CodeOf(b.Fn.Mod).Instance == nil ||
			b.Fn.Name != b.Imp.Name ||
			(gateway != nil && gateway != b.Fn.Mod) {
			return nil
		}
		gateway = b.Fn.Mod
	}
	return gateway
}

// compileBridge writes and compiles the bridge of module m. All addresses, slots and link table
// entries are final. linkHost is the runtime's name of the module with the linker's own functions.
func compileBridge(ctx context.Context, br *space.ImportShim, c *codecache.Cache, m *image.Module,
	pointer func(*image.Function) uint32, linkHost string) error {
	var b wasm.Builder
	w := bridgeWriter{b: &b, br: br, m: m, pointer: pointer}
	for _, x := range br.Bindings {
		w.importFor(x, linkHost)
	}
	for _, x := range br.Bindings {
		w.defineFor(x)
	}
	bytes, err := b.Bytes()
	if err != nil {
		return err
	}
	br.Compiled, err = c.CompileModule(ctx, bytes)
	return err
}

type bridgeWriter struct {
	b        *wasm.Builder
	br       *space.ImportShim
	m        *image.Module
	pointer  func(*image.Function) uint32
	linkable bool // lazy and links are imported
	lazy     uint32
	links    uint32
	targets  map[*image.Function]uint32 // of bindLegalised
}

// importFor adds the imports that a binding needs; all come before the definitions.
func (w *bridgeWriter) importFor(x shim.Binding, linkHost string) {
	switch x.Kind {
	case shim.BindFunction:
		t := w.b.Type(x.Fn.Type.Params, x.Fn.Type.Results)
		w.b.ExportFunc(x.Imp.Name, w.b.ImportFunc(w.br.Use(x.Fn.Mod), x.Fn.Name, t))
	case shim.BindPLT:
		if !w.linkable {
			w.linkable = true
			w.lazy = w.b.ImportFunc(linkHost, hostLazy, w.b.Type([]wasm.ValType{wasm.I32}, nil))
			w.links = w.b.ImportTable(shim.BaseNamespace, shim.BasePLT,
				wasm.TableType{Elem: wasm.FuncRef})
		}
	case shim.BindLegalised:
		if w.targets == nil {
			w.targets = map[*image.Function]uint32{}
		}
		w.targets[x.Fn] = w.b.ImportFunc(w.br.Use(x.Fn.Mod), x.Fn.Name,
			w.b.Type(x.Fn.Type.Params, x.Fn.Type.Results))
	case shim.BindMemory:
		w.b.ExportMemory(x.Imp.Name,
			w.b.ImportMemory(shim.MemoryNamespace, "memory", anyMemory(x.Imp.Memory.Shared)))
	case shim.BindTable:
		w.b.ExportTable(x.Imp.Name,
			w.b.ImportTable(shim.TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef}))
	case shim.BindStackPointer:
		w.b.ExportGlobal(x.Imp.Name,
			w.b.ImportGlobal(shim.BaseNamespace, shim.BaseStackPointer, x.Imp.Global))
	case shim.BindGlobal:
		w.b.ExportGlobal(x.Imp.Name,
			w.b.ImportGlobal(w.br.Use(x.Exp.Mod), x.Exp.Name, x.Exp.Global))
	case shim.BindTag:
		w.b.ExportTag(x.Imp.Name,
			w.b.ImportTag(w.br.Use(x.Exp.Mod), x.Exp.Name, w.b.Type(x.Exp.Tag.Params, nil)))
	}
}

// defineFor adds the definitions of a binding.
func (w *bridgeWriter) defineFor(x shim.Binding) {
	value := x.Value
	switch x.Kind {
	case shim.BindPLT:
		w.stub(x)
		return
	case shim.BindLegalised:
		w.legalised(x, w.targets[x.Fn])
		return
	case shim.BindPointer:
		value = w.pointer(x.Fn)
	case shim.BindData:
		value = x.Exp.Addr
	case shim.BindMemoryBase:
		value = w.m.Memory.Base
	case shim.BindTableBase:
		value = w.m.Table.Base
	case shim.BindConst, shim.BindThreadLocal:
	default:
		return
	}
	w.b.ExportGlobal(x.Imp.Name,
		w.b.Global(wasm.I32, x.Imp.Global.Mutable, wasm.ConstI32(int32(value))))
}

// stub defines a function that calls through the link table, filling its entry first if it is null.
func (w *bridgeWriter) stub(x shim.Binding) {
	entry := int32(x.PLT.Index)
	t := w.b.Type(x.PLT.Type.Params, x.PLT.Type.Results)
	var c wasm.Code
	c.I32Const(entry).TableGet(w.links).RefIsNull().If().I32Const(entry).Call(w.lazy).End()
	for i := range x.PLT.Type.Params {
		c.LocalGet(uint32(i))
	}
	c.I32Const(entry).CallIndirect(t, w.links)
	w.b.ExportFunc(x.Imp.Name, w.b.Func(t, nil, &c))
}

// anyMemory is the type of a memory import that accepts every memory.
func anyMemory(shared bool) wasm.MemoryType {
	return wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: shared}
}

// buildBase writes the module that a group starts with: its link table, a stack pointer and, when
// the main module brings none, the function table.
func buildBase(ownTable bool, tableMax uint32, polls bool) ([]byte, error) {
	var b wasm.Builder
	links := b.Table(wasm.TableType{Elem: wasm.FuncRef})
	b.ExportTable(shim.BasePLT, links)
	if ownTable {
		b.ExportTable("table", b.Table(wasm.TableType{Elem: wasm.FuncRef,
			Limits: wasm.Limits{Min: 1, Max: tableMax, HasMax: true}}))
	}
	b.ExportGlobal(shim.BaseStackPointer, b.Global(wasm.I32, true, wasm.ConstI32(0)))
	if polls {
		b.ExportGlobal(shim.BasePoll, b.Global(wasm.I32, true, wasm.ConstI32(0)))
	}
	i32 := []wasm.ValType{wasm.I32}
	b.ExportFunc(shim.BaseGrowPLT, b.Func(b.Type(i32, i32), nil,
		new(wasm.Code).RefNull(wasm.FuncRef).LocalGet(0).TableGrow(links)))
	b.ExportFunc(shim.BaseClearPLT, b.Func(b.Type(i32, nil), nil,
		new(wasm.Code).LocalGet(0).RefNull(wasm.FuncRef).TableSet(links)))
	return b.Bytes()
}

// buildTableAccess writes the module that re-exports a group's function table, wherever it is
// defined, and changes it.
func buildTableAccess(namespace, name string) ([]byte, error) {
	var b wasm.Builder
	table := b.ImportTable(namespace, name, wasm.TableType{Elem: wasm.FuncRef})
	b.ExportTable("table", table)
	i32 := []wasm.ValType{wasm.I32}
	b.ExportFunc(shim.TableSize, b.Func(b.Type(nil, i32), nil, new(wasm.Code).TableSize(table)))
	b.ExportFunc(shim.TableGrow, b.Func(b.Type(i32, i32), nil,
		new(wasm.Code).RefNull(wasm.FuncRef).LocalGet(0).TableGrow(table)))
	b.ExportFunc(shim.TableClear, b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil), nil,
		new(wasm.Code).LocalGet(0).RefNull(wasm.FuncRef).LocalGet(1).TableFill(table)))
	return b.Bytes()
}

// buildMemory writes the module that defines the image's memory.
func buildMemory(minimum, maximum uint32, shared bool) ([]byte, error) {
	var b wasm.Builder
	b.ExportMemory("memory", b.Memory(minimum, maximum, shared))
	return b.Bytes()
}

// buildPut writes the module that puts functions into tables; stubs is the number of the bridge
// that has the stubs among them.
func buildPut(functions []*image.Function, stubs int) ([]byte, error) {
	var b wasm.Builder
	var indices []uint32
	for _, fn := range functions {
		indices = append(indices,
			b.ImportFunc(shim.WriterImport(fn, stubs), fn.Name,
				b.Type(fn.Type.Params, fn.Type.Results)))
	}
	slots := b.ImportTable(shim.TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	links := b.ImportTable(shim.BaseNamespace, shim.BasePLT, wasm.TableType{Elem: wasm.FuncRef})
	segment := b.PassiveFuncs(indices...)
	t := b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil)
	for _, x := range []struct {
		name  string
		table uint32
	}{{shim.PutSlot, slots}, {shim.PutPLT, links}} {
		b.ExportFunc(x.name, b.Func(t, nil,
			new(wasm.Code).LocalGet(0).LocalGet(1).I32Const(1).TableInit(segment, x.table)))
	}
	return b.Bytes()
}

// buildCaller writes a module that calls function pointers of one signature: its parameters, then
// the pointer. (wazero's own look-up of table entries takes an imported function for the first
// function of its module.)
func buildCaller(t wasm.FuncType) ([]byte, error) {
	var b wasm.Builder
	table := b.ImportTable(shim.TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	var c wasm.Code
	for i := range t.Params {
		c.LocalGet(uint32(i))
	}
	c.LocalGet(uint32(len(t.Params))).CallIndirect(b.Type(t.Params, t.Results), table)
	params := append(slices.Clone(t.Params), wasm.I32)
	b.ExportFunc("call", b.Func(b.Type(params, t.Results), nil, &c))
	return b.Bytes()
}

// legalised defines a function with halves of integers in a bridge.
func (w *bridgeWriter) legalised(x shim.Binding, target uint32) {
	var c wasm.Code
	next := uint32(0)
	var params []wasm.ValType
	for _, p := range x.Fn.Type.Params {
		if p != wasm.I64 {
			params = append(params, p)
			c.LocalGet(next)
			next++
			continue
		}
		params = append(params, wasm.I32, wasm.I32)
		// low | high << 32
		c.LocalGet(next).Raw(opI64ExtendU).LocalGet(next+
			1).Raw(opI64ExtendU).I64Const(32).Raw(opI64Shl, opI64Or)
		next += 2
	}
	c.Call(target)
	w.b.ExportFunc(x.Imp.Name, w.b.Func(w.b.Type(params, x.Fn.Type.Results), nil, &c))
}

const (
	opI64Or      = 0x84
	opI64Shl     = 0x86
	opI64ExtendU = 0xad // of an i32
)
