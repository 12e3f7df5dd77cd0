package linker_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

func Example() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// 4 chained is 721
	// loaded: libchain_a.wasm, libchain_b.wasm, libchain_c.wasm
}

func run() error {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	main, err := os.ReadFile("testdata/main-pie.wasm")
	if err != nil {
		return err
	}
	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithFS(os.DirFS("testdata/threads")))
	if err != nil {
		return err
	}
	defer l.Close(ctx)

	g := l.Main()
	lib, err := g.Open(ctx, "libchain_a.wasm")
	if err != nil {
		return err
	}
	results, err := g.Call(ctx, lib, "chain_a", 4)
	if err != nil {
		return err
	}
	fmt.Printf("4 chained is %d\nloaded: ", results[0])
	for i, name := range l.Libraries() {
		if i > 0 {
			fmt.Print(", ")
		}
		fmt.Print(name)
	}
	fmt.Println()
	return nil
}

// A function pointer made in one group is the same function in every other.
func ExampleGroup_Spawn() {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	main, err := os.ReadFile("testdata/main-pie.wasm")
	if err != nil {
		log.Fatal(err)
	}
	l, err := linker.New(ctx, rt, main, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close(ctx)

	thread, err := l.Main().Spawn(ctx)
	if err != nil {
		log.Fatal(err)
	}
	sym, err := l.Main().Symbol(ctx, linker.Default, "main_triple")
	if err != nil {
		log.Fatal(err)
	}
	i32 := []api.ValueType{api.ValueTypeI32}
	results, err := thread.CallPointer(ctx, sym.Pointer, i32, i32, 14)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(sym.Kind, sym.Name, sym.Type, "of 14 is", results[0])
	// Output: function main_triple (i32) -> (i32) of 14 is 42
}
