package wasm_test

import (
	"context"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/tetratelabs/wazero"
)

func Example() {
	var b wasm.Builder
	log := b.ImportFunc("env", "log", b.Type([]wasm.ValType{wasm.I32}, nil))
	b.ExportFunc("log", log)
	file, err := b.Bytes()
	if err != nil {
		fmt.Println(err)
		return
	}

	m, err := wasm.Decode(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, imp := range m.Imports {
		fmt.Println(imp.Module, imp.Name, imp.Kind, m.Types[imp.Type])
	}
	_, err = wasm.Decode(file[:20])
	fmt.Println(err)
	// Output:
	// env log func (i32) -> ()
	// wasm: import section, offset 0x11: section: unexpected end: 11 bytes wanted, 3 left (cut off)
}

func ExampleBuilder() {
	var b wasm.Builder
	i32 := []wasm.ValType{wasm.I32}
	add := b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32), nil,
		new(wasm.Code).LocalGet(0).LocalGet(1).I32Add())
	b.ExportFunc("add", add)
	file, err := b.Bytes()
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.Background()
	r := wazero.NewRuntime(ctx)
	defer r.Close(ctx)
	inst, err := r.Instantiate(ctx, file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(inst.ExportedFunction("add").Call(ctx, 40, 2))
	// Output: [42] <nil>
}

func ExampleConstExpr_Eval() {
	// What LLVM emits for the address of something 16 bytes into a library's data.
	e := wasm.Const(wasm.ConstI32Add, wasm.ConstGlobal(1), wasm.ConstI32(16))
	fmt.Println(e)
	fmt.Println(e.Eval(func(index uint32) (uint64, bool) { return 1024, index == 1 }))
	// Output:
	// global.get 1; i32.const 16; i32.add
	// 1040 <nil>
}
