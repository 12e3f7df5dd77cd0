package linker

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// use returns the namespace by which the bridge imports from a module. It does not tell which one
// that is, so that the bridge of a library that is loaded again is the same code.
func (br *bridge) use(m *image.Module) string {
	if m.HostName != "" {
		return m.HostName
	}
	i, ok := br.numbers[m]
	if !ok {
		if br.numbers == nil {
			br.numbers = map[*image.Module]int{}
		}
		i = len(br.modules)
		br.modules, br.numbers[m] = append(br.modules, m), i
	}
	return usedPrefix + strconv.Itoa(i)
}

// namespace is the reverse of use; other namespaces are what they are.
func (br *bridge) namespace(name string) string {
	if i, err := strconv.Atoi(strings.TrimPrefix(name, usedPrefix)); err == nil &&
		strings.HasPrefix(name, usedPrefix) {
		return importName(br.modules[i])
	}
	return name
}

// planBridges distributes bindings over few bridges. A namespace goes into the first one behind all
// that have one of its names.
func planBridges(m *image.Module, bindings []binding) {
	spaces := map[string][]binding{}
	for _, b := range bindings {
		spaces[b.imp.Module] = append(spaces[b.imp.Module], b)
	}
	codeOf(m).sources = make(map[string]source, len(spaces))
	next := map[string]int{} // by name, the bridge behind the last one that has it
	for _, namespace := range slices.Sorted(maps.Keys(spaces)) {
		list := spaces[namespace]
		if gateway := onlyGateway(list); gateway != nil {
			codeOf(m).sources[namespace] = source{bridge: -1, gateway: gateway}
			continue
		}
		i := 0
		for _, x := range list {
			i = max(i, next[x.imp.Name])
		}
		for _, x := range list {
			next[x.imp.Name] = i + 1
		}
		if i == len(codeOf(m).bridges) {
			codeOf(m).bridges = append(codeOf(m).bridges, &bridge{})
		}
		codeOf(m).bridges[i].bindings = append(codeOf(m).bridges[i].bindings, list...)
		codeOf(m).sources[namespace] = source{bridge: i}
	}
}

// onlyGateway returns the gateway that satisfies all of a namespace under the same names, if there
// is one.
func onlyGateway(list []binding) *image.Module {
	var gateway *image.Module
	for _, b := range list {
		if b.kind != bindFunction || codeOf(b.fn.Mod).instance == nil || b.fn.Name != b.imp.Name ||
			(gateway != nil && gateway != b.fn.Mod) {
			return nil
		}
		gateway = b.fn.Mod
	}
	return gateway
}

// compile writes and compiles the bridge of module m. All addresses, slots and link table entries
// are final. linkHost is the runtime's name of the module with the linker's own functions.
func (br *bridge) compile(ctx context.Context, c *codecache.Cache, m *image.Module,
	pointer func(*image.Function) uint32, linkHost string) error {
	var b wasm.Builder
	w := bridgeWriter{b: &b, br: br, m: m, pointer: pointer}
	for _, x := range br.bindings {
		w.importFor(x, linkHost)
	}
	for _, x := range br.bindings {
		w.defineFor(x)
	}
	bytes, err := b.Bytes()
	if err != nil {
		return err
	}
	br.compiled, err = c.CompileModule(ctx, bytes)
	return err
}

type bridgeWriter struct {
	b        *wasm.Builder
	br       *bridge
	m        *image.Module
	pointer  func(*image.Function) uint32
	linkable bool // lazy and links are imported
	lazy     uint32
	links    uint32
	targets  map[*image.Function]uint32 // of bindLegalised
}

// importFor adds the imports that a binding needs; all come before the definitions.
func (w *bridgeWriter) importFor(x binding, linkHost string) {
	switch x.kind {
	case bindFunction:
		t := w.b.Type(x.fn.Type.Params, x.fn.Type.Results)
		w.b.ExportFunc(x.imp.Name, w.b.ImportFunc(w.br.use(x.fn.Mod), x.fn.Name, t))
	case bindLink:
		if !w.linkable {
			w.linkable = true
			w.lazy = w.b.ImportFunc(linkHost, hostLazy, w.b.Type([]wasm.ValType{wasm.I32}, nil))
			w.links = w.b.ImportTable(baseNamespace, baseLinks, wasm.TableType{Elem: wasm.FuncRef})
		}
	case bindLegalised:
		if w.targets == nil {
			w.targets = map[*image.Function]uint32{}
		}
		w.targets[x.fn] = w.b.ImportFunc(w.br.use(x.fn.Mod), x.fn.Name,
			w.b.Type(x.fn.Type.Params, x.fn.Type.Results))
	case bindMemory:
		w.b.ExportMemory(x.imp.Name,
			w.b.ImportMemory(memoryNamespace, "memory", anyMemory(x.imp.Memory.Shared)))
	case bindTable:
		w.b.ExportTable(x.imp.Name,
			w.b.ImportTable(tableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef}))
	case bindStackPointer:
		w.b.ExportGlobal(x.imp.Name,
			w.b.ImportGlobal(baseNamespace, baseStackPointer, x.imp.Global))
	case bindGlobal:
		w.b.ExportGlobal(x.imp.Name,
			w.b.ImportGlobal(w.br.use(x.exp.Mod), x.exp.Name, x.exp.Global))
	case bindTag:
		w.b.ExportTag(x.imp.Name,
			w.b.ImportTag(w.br.use(x.exp.Mod), x.exp.Name, w.b.Type(x.exp.Tag.Params, nil)))
	}
}

// defineFor adds the definitions of a binding.
func (w *bridgeWriter) defineFor(x binding) {
	value := x.value
	switch x.kind {
	case bindLink:
		w.stub(x)
		return
	case bindLegalised:
		w.legalised(x, w.targets[x.fn])
		return
	case bindPointer:
		value = w.pointer(x.fn)
	case bindData:
		value = x.exp.Addr
	case bindMemoryBase:
		value = w.m.Memory.Base
	case bindTableBase:
		value = w.m.Table.Base
	case bindConst, bindThreadLocal:
	default:
		return
	}
	w.b.ExportGlobal(x.imp.Name,
		w.b.Global(wasm.I32, x.imp.Global.Mutable, wasm.ConstI32(int32(value))))
}

// stub defines a function that calls through the link table, filling its entry first if it is null.
func (w *bridgeWriter) stub(x binding) {
	entry := int32(x.link.Index)
	t := w.b.Type(x.link.Type.Params, x.link.Type.Results)
	var c wasm.Code
	c.I32Const(entry).TableGet(w.links).RefIsNull().If().I32Const(entry).Call(w.lazy).End()
	for i := range x.link.Type.Params {
		c.LocalGet(uint32(i))
	}
	c.I32Const(entry).CallIndirect(t, w.links)
	w.b.ExportFunc(x.imp.Name, w.b.Func(t, nil, &c))
}

// anyMemory is the type of a memory import that accepts every memory.
func anyMemory(shared bool) wasm.MemoryType {
	return wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: shared}
}

// Exports of the generated modules that every group has.
const (
	baseLinks        = "links"
	baseGrowLinks    = "grow_links"
	baseClearLink    = "clear_link"
	baseStackPointer = "stack_pointer"
	basePoll         = "poll" // a pollFlag
	tableGrow        = "grow"
	tableSize        = "size"
	tableClear       = "clear"
	putSlot          = "put"  // (slot, i): function i into the function table
	putLink          = "link" // (entry, i): function i into the link table
)

// buildBase writes the module that a group starts with: its link table, a stack pointer and, when
// the main module brings none, the function table.
func buildBase(ownTable bool, tableMax uint32, polls bool) ([]byte, error) {
	var b wasm.Builder
	links := b.Table(wasm.TableType{Elem: wasm.FuncRef})
	b.ExportTable(baseLinks, links)
	if ownTable {
		b.ExportTable("table", b.Table(wasm.TableType{Elem: wasm.FuncRef,
			Limits: wasm.Limits{Min: 1, Max: tableMax, HasMax: true}}))
	}
	b.ExportGlobal(baseStackPointer, b.Global(wasm.I32, true, wasm.ConstI32(0)))
	if polls {
		b.ExportGlobal(basePoll, b.Global(wasm.I32, true, wasm.ConstI32(0)))
	}
	i32 := []wasm.ValType{wasm.I32}
	b.ExportFunc(baseGrowLinks, b.Func(b.Type(i32, i32), nil,
		new(wasm.Code).RefNull(wasm.FuncRef).LocalGet(0).TableGrow(links)))
	b.ExportFunc(baseClearLink, b.Func(b.Type(i32, nil), nil,
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
	b.ExportFunc(tableSize, b.Func(b.Type(nil, i32), nil, new(wasm.Code).TableSize(table)))
	b.ExportFunc(tableGrow, b.Func(b.Type(i32, i32), nil,
		new(wasm.Code).RefNull(wasm.FuncRef).LocalGet(0).TableGrow(table)))
	b.ExportFunc(tableClear, b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil), nil,
		new(wasm.Code).LocalGet(0).RefNull(wasm.FuncRef).LocalGet(1).TableFill(table)))
	return b.Bytes()
}

// buildMemory writes the module that defines the image's memory.
func buildMemory(minimum, maximum uint32, shared bool) ([]byte, error) {
	var b wasm.Builder
	b.ExportMemory("memory", b.Memory(minimum, maximum, shared))
	return b.Bytes()
}

// buildPut writes the module that puts functions into tables.
func buildPut(functions []*image.Function) ([]byte, error) {
	var b wasm.Builder
	var indices []uint32
	for _, fn := range functions {
		indices = append(indices,
			b.ImportFunc(putterImport(fn), fn.Name, b.Type(fn.Type.Params, fn.Type.Results)))
	}
	slots := b.ImportTable(tableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	links := b.ImportTable(baseNamespace, baseLinks, wasm.TableType{Elem: wasm.FuncRef})
	segment := b.PassiveFuncs(indices...)
	t := b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil)
	for _, x := range []struct {
		name  string
		table uint32
	}{{putSlot, slots}, {putLink, links}} {
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
	table := b.ImportTable(tableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
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
func (w *bridgeWriter) legalised(x binding, target uint32) {
	var c wasm.Code
	next := uint32(0)
	var params []wasm.ValType
	for _, p := range x.fn.Type.Params {
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
	w.b.ExportFunc(x.imp.Name, w.b.Func(w.b.Type(params, x.fn.Type.Results), nil, &c))
}

const (
	opI64Or      = 0x84
	opI64Shl     = 0x86
	opI64ExtendU = 0xad // of an i32
)
