package linker_test

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
)

// treeSitter returns a linker whose main module is the stock web-tree-sitter.
func treeSitter(t testing.TB) *linker.Linker {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	t.Cleanup(func() { _ = rt.Close(ctx) })
	none := api.GoModuleFunc(func(context.Context, api.Module, []uint64) {})
	i32 := func(n int) (types []api.ValueType) {
		for range n {
			types = append(types, api.ValueTypeI32)
		}
		return types
	}
	b := rt.NewHostModuleBuilder("env")
	b.NewFunctionBuilder().WithGoModuleFunction(none, i32(5),
		nil).Export("tree_sitter_parse_callback")
	b.NewFunctionBuilder().WithGoModuleFunction(none, i32(2),
		nil).Export("tree_sitter_log_callback")
	b.NewFunctionBuilder().WithGoModuleFunction(none, i32(2),
		i32(1)).Export("tree_sitter_progress_callback")
	b.NewFunctionBuilder().WithGoModuleFunction(none, i32(1),
		i32(1)).Export("tree_sitter_query_progress_callback")
	if _, err := b.Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	main, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		t.Fatal(err)
	}
	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithMainName("web-tree-sitter.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return l
}

// A stock grammar links against the stock run-time library, and its language is accepted by it.
func TestStockGrammar(t *testing.T) {
	ctx := context.Background()
	l := treeSitter(t)
	g := l.Main()
	bytes, err := stock.Read(stock.GrammarFile("json"))
	if err != nil {
		t.Fatal(err)
	}
	lib, err := g.OpenBytes(ctx, "tree-sitter-json.wasm", bytes)
	if err != nil {
		t.Fatal(err)
	}
	sym, err := g.Symbol(ctx, lib, "tree_sitter_json")
	if err != nil {
		t.Fatal(err)
	}
	byName, err := g.Call(ctx, lib, "tree_sitter_json")
	if err != nil {
		t.Fatal(err)
	}
	byPointer, err := g.CallPointer(ctx, sym.Pointer, nil, []api.ValueType{api.ValueTypeI32})
	if err != nil {
		t.Fatal(err)
	}
	if byName[0] == 0 || byName[0] != byPointer[0] {
		t.Fatalf("the language is at %#x by name and at %#x by pointer", byName[0], byPointer[0])
	}
	buffer, err := g.Call(ctx, linker.Default, "ts_init")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Call(ctx, linker.Default, "ts_parser_new_wasm"); err != nil {
		t.Fatal(err)
	}
	parser, ok := l.Memory().ReadUint32Le(uint32(buffer[0]))
	if !ok || parser == 0 {
		t.Fatal("no parser")
	}
	accepted, err := g.Call(ctx, linker.Default, "ts_parser_set_language", uint64(parser),
		byName[0])
	if err != nil {
		t.Fatal(err)
	}
	if accepted[0] != 1 {
		t.Fatalf("ts_parser_set_language returned %d", accepted[0])
	}
}
