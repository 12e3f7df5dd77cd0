package synth

import (
	"encoding/binary"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Encode writes the library as a binary module. The error says which part of the description cannot
// be written: a function in the table that does not exist, or a name that is exported twice. Bodies
// are not looked into: the engine refuses a call of a function that does not exist.
func (l *Library) Encode() ([]byte, error) {
	e := &encoder{lib: l, functions: map[importKey]uint32{}, globals: map[importKey]uint32{}}
	e.head()
	e.imports()
	e.own()
	e.special()
	return e.b.Bytes()
}

type importKey struct{ module, name string }

type encoder struct {
	lib *Library
	b   wasm.Builder

	table      uint32
	memoryBase uint32
	tableBase  uint32
	functions  map[importKey]uint32
	globals    map[importKey]uint32

	firstGlobal uint32 // of its own mutable globals
	tlsBase     uint32
	firstFunc   uint32 // of its own functions
}

var (
	i32      = []wasm.ValType{wasm.I32}
	i32i32   = []wasm.ValType{wasm.I32, wasm.I32}
	threeI32 = []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}
)

func (e *encoder) typ(s Signature) uint32 {
	switch s {
	case Narrow:
		return e.b.Type(i32i32, i32)
	case Wide:
		return e.b.Type([]wasm.ValType{wasm.I32, wasm.I64}, []wasm.ValType{wasm.I64})
	case Final:
		return e.b.Type(i32, nil)
	}
	return e.b.Type(i32, i32)
}

// head writes the dylink.0 section.
func (e *encoder) head() {
	l := e.lib
	info := dylink.Info{
		MemorySize: l.DataSize(), MemoryAlignment: max(l.Align, 2),
		TableSize: uint32(len(l.Table) + len(l.TableOthers)),
		Needed:    l.Needed, RuntimePath: l.RunPath,
	}
	for _, name := range l.Weak {
		info.Imports = append(info.Imports,
			dylink.ImportInfo{Module: "env", Field: name,
				Flags: dylink.BindingWeak | dylink.Undefined})
	}
	for _, v := range l.Threads {
		if v.Export != "" {
			info.Exports = append(info.Exports,
				dylink.ExportInfo{Name: v.Export, Flags: dylink.TLS})
		}
	}
	e.b.CustomFirst(info.Section())
}

// imports adds all imports; they come before everything else.
func (e *encoder) imports() {
	l := e.lib
	memory := wasm.MemoryType{Shared: l.Shared}
	if l.Shared {
		memory.Limits = wasm.Limits{Max: wasm.MaxPages, HasMax: true}
	}
	e.b.ImportMemory("env", "memory", memory)
	e.table = e.b.ImportTable("env", "__indirect_function_table",
		wasm.TableType{Elem: wasm.FuncRef})
	e.memoryBase = e.b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
	e.tableBase = e.b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
	for i := range l.Functions {
		e.importsOf(l.Functions[i].Body)
	}
	e.importsOf(l.Constructor)
	for _, x := range l.TableOthers {
		e.function("env", x.Symbol, e.typ(x.Sig))
	}
	for _, w := range l.Words {
		switch {
		case w.Symbol == "":
		case w.Function:
			e.got("GOT.func", w.Symbol)
		default:
			e.got("GOT.mem", w.Symbol)
		}
	}
}

func (e *encoder) importsOf(body []Op) {
	for _, op := range body {
		switch op.Kind {
		case Call:
			e.function("env", op.Symbol, e.typ(op.Sig))
		case CallPointer:
			e.got("GOT.func", op.Symbol)
		case Load, Add:
			e.got("GOT.mem", op.Symbol)
		case AddOther:
			e.got("env", op.Symbol)
		case Note:
			e.function("env", op.Symbol, e.b.Type(i32, nil))
		case AtExit:
			e.function("env", "__cxa_atexit", e.b.Type(threeI32, i32))
		case Exit:
			e.function("wasi_snapshot_preview1", "proc_exit", e.b.Type(i32, nil))
		}
	}
}

// function imports a function, once.
func (e *encoder) function(module, name string, typ uint32) {
	k := importKey{module, name}
	if _, ok := e.functions[k]; !ok {
		e.functions[k] = e.b.ImportFunc(module, name, typ)
	}
}

// got imports a mutable global, once: an entry of a GOT, or a global of another module.
func (e *encoder) got(module, name string) {
	k := importKey{module, name}
	if _, ok := e.globals[k]; !ok {
		e.globals[k] = e.b.ImportGlobal(module, name,
			wasm.GlobalType{Type: wasm.I32, Mutable: true})
	}
}

// own writes what the library defines.
func (e *encoder) own() {
	l := e.lib
	for i, v := range l.Globals {
		g := e.b.Global(wasm.I32, true, wasm.ConstI32(v.Init))
		if i == 0 {
			e.firstGlobal = g
		}
		if v.Export != "" {
			e.b.ExportGlobal(v.Export, g)
		}
	}
	if len(l.Threads) > 0 {
		e.tlsBase = e.b.Global(wasm.I32, true, wasm.ConstI32(0))
		e.b.ExportGlobal("__tls_base", e.tlsBase)
		e.constant("__tls_size", 4*uint32(len(l.Threads)))
		e.constant("__tls_align", 4)
	}
	bytes := make([]byte, 0, l.DataSize())
	for i, v := range l.Variables {
		bytes = binary.LittleEndian.AppendUint32(bytes, uint32(v.Init))
		if v.Export != "" {
			e.constant(v.Export, l.VariableOffset(i))
		}
	}
	for i, v := range l.Threads {
		if v.Export != "" {
			e.constant(v.Export, 4*uint32(i))
		}
	}
	if len(bytes) > 0 {
		e.b.ActiveData(wasm.ConstGlobal(e.memoryBase), bytes)
	}
	e.firstFunc = uint32(len(e.functions))
	for i := range l.Functions {
		f := &l.Functions[i]
		index := e.b.Func(e.typ(f.Sig), i32i32, e.body(f))
		for _, name := range f.Exports {
			e.b.ExportFunc(name, index)
		}
	}
	var entries []uint32
	for _, i := range l.Table {
		entries = append(entries, e.firstFunc+uint32(i))
	}
	for _, x := range l.TableOthers {
		entries = append(entries, e.functions[importKey{"env", x.Symbol}])
	}
	if len(entries) > 0 {
		e.b.ActiveFuncs(e.table, wasm.ConstGlobal(e.tableBase), entries...)
	}
}

// constant exports a constant global, as addresses and sizes are.
func (e *encoder) constant(name string, v uint32) {
	e.b.ExportGlobal(name, e.b.Global(wasm.I32, false, wasm.ConstI32(int32(v))))
}

// special writes the functions that the linker calls.
func (e *encoder) special() {
	l := e.lib
	nothing := e.b.Type(nil, nil)
	if len(l.Words) > 0 {
		var c wasm.Code
		for i, w := range l.Words {
			c.GlobalGet(e.memoryBase)
			e.pointer(&c, w)
			c.I32Store(l.WordOffset(i))
		}
		e.b.ExportFunc("__wasm_apply_data_relocs", e.b.Func(nothing, nil, &c))
	}
	if len(l.Threads) > 0 {
		var c wasm.Code
		c.LocalGet(0).GlobalSet(e.tlsBase)
		for i, v := range l.Threads {
			c.LocalGet(0).I32Const(v.Init).I32Store(4 * uint32(i))
		}
		e.b.ExportFunc("__wasm_init_tls", e.b.Func(e.b.Type(i32, nil), nil, &c))
	}
	if l.Constructor != nil {
		var c wasm.Code
		w := bodyWriter{e: e, c: &c, depth: 0, acc: 1}
		c.I32Const(ConstructorDepth).LocalSet(w.depth)
		for _, op := range l.Constructor {
			w.op(op)
		}
		e.b.ExportFunc("__wasm_call_ctors", e.b.Func(nothing, i32i32, &c))
	}
}

// pointer pushes what a word is to hold.
func (e *encoder) pointer(c *wasm.Code, w Word) {
	switch {
	case w.Function && w.Symbol != "":
		c.GlobalGet(e.globals[importKey{"GOT.func", w.Symbol}])
	case w.Function:
		c.GlobalGet(e.tableBase).I32Const(int32(w.Index)).I32Add()
	case w.Symbol != "":
		c.GlobalGet(e.globals[importKey{"GOT.mem", w.Symbol}])
	default:
		c.GlobalGet(e.memoryBase).I32Const(int32(e.lib.VariableOffset(w.Index))).I32Add()
	}
}
