package wasm_test

import (
	"context"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// module returns a module of the given sections.
func module(sections ...[]byte) []byte {
	b := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range sections {
		b = append(b, s...)
	}
	return b
}

// section returns a section with its id and size.
func section(id wasm.SectionID, payload ...byte) []byte {
	return leb.AppendBytes([]byte{byte(id)}, payload)
}

// build returns the bytes of a builder's module.
func build(t testing.TB, b *wasm.Builder) []byte {
	t.Helper()
	file, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// decode decodes a module that must be right.
func decode(t testing.TB, file []byte) *wasm.Module {
	t.Helper()
	m, err := wasm.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// newRuntime returns a runtime with every feature that Decode accepts.
func newRuntime(t testing.TB) (context.Context, wazero.Runtime) {
	t.Helper()
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(
		api.CoreFeaturesV2|experimental.CoreFeaturesThreads|experimental.CoreFeaturesExtendedConst|
			experimental.CoreFeaturesExceptionHandling))
	t.Cleanup(func() { r.Close(ctx) })
	return ctx, r
}

// instantiate runs a module under a name.
func instantiate(t testing.TB, ctx context.Context, r wazero.Runtime, name string,
	file []byte) api.Module {
	t.Helper()
	compiled, err := r.CompileModule(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	inst, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName(name))
	if err != nil {
		t.Fatal(err)
	}
	return inst
}

// call calls a function with one result, or none (then 0 is returned).
func call(t testing.TB, ctx context.Context, inst api.Module, name string, args ...uint64) uint64 {
	t.Helper()
	f := inst.ExportedFunction(name)
	if f == nil {
		t.Fatalf("no function %q", name)
	}
	results, err := f.Call(ctx, args...)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if len(results) == 0 {
		return 0
	}
	return results[0]
}

var (
	i32      = []wasm.ValType{wasm.I32}
	twoI32   = []wasm.ValType{wasm.I32, wasm.I32}
	threeI32 = []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}
)

// everything returns a module with every kind of section and segment.
func everything(t testing.TB) []byte {
	t.Helper()
	var b wasm.Builder
	void, get := b.Type(nil, nil), b.Type(nil, i32)
	take := b.Type(i32, nil)
	b.CustomFirst("first", []byte{1, 2})
	b.ImportFunc("env", "f", get)
	b.ImportTable("env", "t", wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 4}})
	base := b.ImportGlobal("env", "base", wasm.GlobalType{Type: wasm.I32})
	b.ImportGlobal("env", "sp", wasm.GlobalType{Type: wasm.I32, Mutable: true})
	b.ImportTag("env", "tag", take)
	main := b.Func(get, nil, new(wasm.Code).I32Const(7))
	init := b.Func(void, []wasm.ValType{wasm.I32, wasm.I32, wasm.F64}, new(wasm.Code).
		I32Const(64).I32Const(0).I32Const(3).MemoryInit(1).DataDrop(1))
	own := b.Table(wasm.TableType{Elem: wasm.ExternRef,
		Limits: wasm.Limits{Min: 1, Max: 2, HasMax: true}})
	mem := b.Memory(1, 2, false)
	tag := b.Tag(take)
	b.Global(wasm.I32, false,
		wasm.Const(wasm.ConstI32Add, wasm.ConstGlobal(base), wasm.ConstI32(8)))
	b.Global(wasm.I64, true, wasm.ConstI64(-1))
	b.Global(wasm.F32, false, wasm.ConstF32(1.5))
	b.Global(wasm.F64, false, wasm.ConstF64(-2.5))
	b.Global(wasm.V128, false, wasm.ConstV128([16]byte{15: 9}))
	b.Global(wasm.FuncRef, false, wasm.ConstFunc(main))
	b.Global(wasm.ExternRef, false, wasm.ConstNull(wasm.ExternRef))
	b.ExportFunc("main", main)
	b.ExportTable("own", own)
	b.ExportMemory("memory", mem)
	b.ExportGlobal("base", base)
	b.ExportTag("tag", tag)
	b.Start(init)
	at := wasm.ConstGlobal(base)
	b.ActiveFuncs(0, at, main, 0)
	b.PassiveFuncs(main)
	b.Element(wasm.Element{Mode: wasm.Active, Table: own, Offset: at, Type: wasm.ExternRef,
		Exprs: []wasm.ConstExpr{wasm.ConstNull(wasm.ExternRef)}})
	b.DeclareFuncs(init)
	b.Element(wasm.Element{Mode: wasm.Active, Offset: at,
		Exprs: []wasm.ConstExpr{wasm.ConstFunc(main), wasm.ConstNull(wasm.FuncRef)}})
	b.Element(wasm.Element{Mode: wasm.Passive, Exprs: []wasm.ConstExpr{wasm.ConstFunc(0)}})
	b.Element(wasm.Element{Mode: wasm.Declarative, Exprs: []wasm.ConstExpr{wasm.ConstFunc(0)}})
	b.ActiveData(at, []byte("active"))
	b.PassiveData([]byte("passive"))
	// not empty: wazero 1.12 refuses an empty one at the end of the file
	b.Custom("last", []byte{3})
	return build(t, &b)
}
