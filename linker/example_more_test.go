package linker_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

var exampleI32 = []api.ValueType{api.ValueTypeI32}

// exampleImage links testdata/main-pie.wasm; its libraries are in testdata/threads. closeAll closes
// what it has made.
func exampleImage(ctx context.Context, rt wazero.Runtime, config *linker.Config) (l *linker.Linker,
	closeAll func()) {
	main, err := os.ReadFile("testdata/main-pie.wasm")
	if err != nil {
		log.Fatal(err)
	}
	if l, err = linker.New(ctx, rt, main, config.WithFS(os.DirFS("testdata"))); err != nil {
		log.Fatal(err)
	}
	return l, func() {
		if err := errors.Join(l.Close(ctx), rt.Close(ctx)); err != nil {
			log.Fatal(err)
		}
	}
}

func exampleRuntime(ctx context.Context) wazero.Runtime {
	return wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
}

// A name without a slash is looked for in the folders of the search path, one with a slash is a
// path. What a library needs is found in the same way, and on its own run-time path.
func ExampleConfig_WithSearchPath() {
	ctx := context.Background()
	l, closeAll := exampleImage(ctx, exampleRuntime(ctx),
		linker.NewConfig().WithSearchPath("plain/absent", "threads"))
	defer closeAll()

	for _, name := range []string{"librpath.wasm", "./threads/librpath.wasm"} {
		lib, err := l.Main().Open(ctx, name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(lib.Name(), "is", lib.File())
	}
	fmt.Println(l.Libraries())
	_, err := l.Main().Open(ctx, "libnone.wasm")
	var missing *linker.NotFoundError
	fmt.Println(errors.As(err, &missing), missing.Name, missing.Searched)
	// Output:
	// librpath.wasm is threads/librpath.wasm
	// librpath.wasm is threads/librpath.wasm
	// [librpath.wasm libdeep.wasm]
	// true libnone.wasm [plain/absent/libnone.wasm threads/libnone.wasm]
}

// Every error has a type that says what went wrong where.
func ExampleUndefinedSymbolError() {
	ctx := context.Background()
	l, closeAll := exampleImage(ctx, exampleRuntime(ctx),
		linker.NewConfig().WithSearchPath("threads"))
	defer closeAll()
	g := l.Main()

	_, err := g.Open(ctx, "libunresolved.wasm", linker.Now)
	var undefined *linker.UndefinedSymbolError
	if errors.As(err, &undefined) {
		fmt.Println(undefined.Module, "lacks", undefined.Symbol)
	}
	lib, err := g.Open(ctx, "libcounter.wasm")
	if err != nil {
		log.Fatal(err)
	}
	_, err = g.Symbol(ctx, lib, "counter_previous")
	fmt.Println(errors.As(err, &undefined), undefined.Symbol, "in", undefined.Searched)
	_, err = g.Call(ctx, lib, "counter_next", 1, 2)
	fmt.Println(err)
	// Output:
	// libunresolved.wasm lacks nobody_has_this
	// true counter_previous in libcounter.wasm
	// linker: symbol "counter_next" of libcounter.wasm: want () -> (i32), found 2 arguments
}

// Functions of the host are an ordinary wazero module, "env", which is there before the linker.
// They can call back into the guest with the context that they get.
func ExampleGroupFromContext() {
	ctx := context.Background()
	rt := exampleRuntime(ctx)
	twice := func(ctx context.Context, x int32) int32 {
		results, err := linker.GroupFromContext(ctx).Call(ctx, linker.Default, "main_twice",
			uint64(x))
		if err != nil {
			panic(err) // ends the call of the guest, as a trap does
		}
		return int32(results[0])
	}
	_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(twice).Export(
		"nobody_has_this").Instantiate(ctx)
	if err != nil {
		log.Fatal(err)
	}
	l, closeAll := exampleImage(ctx, rt, linker.NewConfig().WithSearchPath("threads"))
	defer closeAll()

	lib, err := l.Main().Open(ctx, "libunresolved.wasm")
	if err != nil {
		log.Fatal(err)
	}
	results, err := l.Main().Call(ctx, lib, "unresolved_call", 21) // it calls nobody_has_this
	fmt.Println(results, err)
	// Output: [42] <nil>
}

// A closure is a function pointer whose function is decided, and changed, at run time.
func ExampleGroup_SetClosure() {
	ctx := context.Background()
	l, closeAll := exampleImage(ctx, exampleRuntime(ctx),
		linker.NewConfig().WithSearchPath("threads"))
	defer closeAll()
	g := l.Main()

	slot, err := g.AllocateClosure(ctx)
	if err != nil {
		log.Fatal(err)
	}
	lib, err := g.Open(ctx, "libcallback.wasm")
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"main_twice", "main_triple"} {
		if err := g.SetClosure(ctx, slot, linker.Default, name); err != nil {
			log.Fatal(err)
		}
		results, err := g.Call(ctx, lib, "callback_apply", uint64(slot), 7) // C: slot(7)
		fmt.Println(name, results, err)
	}
	fmt.Println(g.FreeClosure(ctx, slot))
	// Output:
	// main_twice [14] <nil>
	// main_triple [21] <nil>
	// <nil>
}

// A guest that includes <lockstep/dlfcn.h> opens libraries itself: here libdlfcn.wasm, with dlopen
// and dlsym.
func ExampleGroup_Open_fromGuest() {
	ctx := context.Background()
	l, closeAll := exampleImage(ctx, exampleRuntime(ctx),
		linker.NewConfig().WithSearchPath("threads"))
	defer closeAll()

	lib, err := l.Main().Open(ctx, "libdlfcn.wasm")
	if err != nil {
		log.Fatal(err)
	}
	// dlopen("libcounter.wasm", RTLD_NOW), dlsym(…, "counter_next")
	results, err := l.Main().Call(ctx, lib, "dlfcn_count")
	fmt.Println(results, err)
	fmt.Println(l.Libraries())
	// Output:
	// [101] <nil>
	// [libdlfcn.wasm libcounter.wasm]
}

// Compiling is the slow part of linking. A cache in a folder does it once for all runs of a
// program.
func ExampleNewRuntimeConfig_compilationCache() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "lockstep-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer cache.Close(ctx)
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig().WithCompilationCache(cache))
	_, closeAll := exampleImage(ctx, rt, linker.NewConfig())
	defer closeAll()

	kept := 0
	err = fs.WalkDir(os.DirFS(dir), ".", func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			kept++
		}
		return err
	})
	fmt.Println("there is compiled code in the folder:", kept > 0, err)
	// Output: there is compiled code in the folder: true <nil>
}

// Two versions of a library at once: bytes that are opened under a name of their own are a library
// of their own, and Local keeps their symbols apart. examples/plugins replaces libraries in this
// way while others use them.
func ExampleGroup_OpenBytes() {
	ctx := context.Background()
	l, closeAll := exampleImage(ctx, exampleRuntime(ctx), linker.NewConfig())
	defer closeAll()
	g := l.Main()

	bytes, err := os.ReadFile("testdata/threads/libcounter.wasm")
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"counter@1", "counter@2"} {
		lib, err := g.OpenBytes(ctx, name, bytes, linker.Local)
		if err != nil {
			log.Fatal(err)
		}
		defer g.CloseLibrary(ctx, lib)
		symbol, err := g.Symbol(ctx, lib, "counter_next")
		if err != nil {
			log.Fatal(err)
		}
		results, err := g.CallPointer(ctx, symbol.Pointer, nil, exampleI32)
		fmt.Println(symbol.Module, results, err)
	}
	// Output:
	// counter@1 [101] <nil>
	// counter@2 [101] <nil>
}
