package image

import (
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Export is something that a module offers by name.
type Export struct {
	Mod    *Module // whose it is
	Name   string
	Kind   Kind
	Fn     *Function       // of a function
	Global wasm.GlobalType // of a global
	Tag    wasm.FuncType   // of a tag
	Init   wasm.ConstExpr  // of data
	Addr   uint32          // of data, once its module has a place
	TLS    bool            // an offset in thread-local storage, not an address
	Fixed  bool            // an address that is not relative to the data area
}

// Kind is what an export is to the linker.
type Kind byte

// What an export may be.
const (
	KindFunction Kind = iota
	KindData          // a constant global: an address
	KindGlobal        // any other global
	KindTag
	KindOther
)

// Function is the one identity of a function: two exports of it, or a re-export by another module,
// share it, so that it gets one function pointer.
type Function struct {
	Mod       *Module // whose export it is
	Name      string  // the name of that export
	Type      wasm.FuncType
	Signature *Signature // Type in bytes
	Slot      uint32     // in its module's own element segment; 0 when it is in none
	// it is no export, but the stub in a shim that calls an undefined function
	Stub bool
	// Index is its position in the functions of its module.
	Index uint32

	known known
}

// NewFunction returns a function that a module exports.
func NewFunction(m *Module, name string, typ wasm.FuncType) *Function {
	return &Function{Mod: m, Name: name, Type: typ, Signature: NewSignature(typ)}
}

// Signature is a function type in bytes, as the engine has it, and the FunctionType that users see.
type Signature struct{ Params, Results []byte }

// NewSignature returns a function type in bytes.
func NewSignature(t wasm.FuncType) *Signature {
	convert := func(list []wasm.ValType) []byte {
		var out []byte
		for _, t := range list {
			out = append(out, byte(t))
		}
		return out
	}
	return &Signature{Params: convert(t.Params), Results: convert(t.Results)}
}

// IndexFunctions fixes the order of functions, which is that of the table writer's element segment.
func (m *Module) IndexFunctions() {
	slices.SortFunc(m.Functions,
		func(a, b *Function) int { return strings.Compare(a.Name, b.Name) })
	for i, fn := range m.Functions {
		fn.Index = uint32(i)
	}
}

// IsToolchain reports whether an export belongs to the toolchain's own machinery: it is never what
// another module means by that name.
func IsToolchain(name string) bool {
	switch name {
	case "_initialize", "_start", "__memory_base", "__table_base", "__stack_pointer",
		"__indirect_function_table",
		"__heap_base", "__heap_end", "__data_end", "__global_base", "__stack_low", "__stack_high",
		"__dso_handle",
		"__tls_base", "__tls_size", "__tls_align",
		// Not everything that begins like these: __wasm_setjmp and __wasm_longjmp are libc's.
		"__wasm_call_ctors", "__wasm_start", "__wasm_init_memory", "__wasm_init_memory_flag",
		"__wasm_init_tls", "__wasm_apply_data_relocs", "__wasm_apply_global_relocs",
		"__wasm_apply_tls_relocs",
		"__wasm_apply_global_tls_relocs":
		return true
	}
	return false
}

// IsSymbolSpace reports whether the imports of a namespace are symbols of other modules. The
// toolchain says env of a weak symbol although it is imported from a GOT namespace.
func IsSymbolSpace(namespace string) bool {
	return namespace == "env" || namespace == "GOT.mem" || namespace == "GOT.func"
}

// WasmType converts a signature from wazero's terms.
func WasmType(params, results []byte) wasm.FuncType {
	convert := func(list []byte) []wasm.ValType {
		var out []wasm.ValType
		for _, t := range list {
			out = append(out, wasm.ValType(t))
		}
		return out
	}
	return wasm.FuncType{Params: convert(params), Results: convert(results)}
}
