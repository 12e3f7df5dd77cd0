// Command first loads zlib into a process image with libc, and calls it.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/cabi"
)

func main() {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	// A main module with all of libc; libraries are looked for in a folder, or any other fs.FS.
	l, err := libraries.LinkLibc(ctx, rt, linker.NewConfig().WithFS(libraries.FS()))
	check(err)
	zlib, err := l.Main().Open(ctx, "libz.wasm") // dlopen
	check(err)
	crc, err := cabi.Bind[func(context.Context, uint32, string, uint32) (uint32, error)](
		ctx, l.Main(), zlib, "crc32")
	check(err)
	sum, err := crc(ctx, 0, "hello", 5)
	check(err)
	// another thread: the same memory, the same function pointers
	thread, err := l.Main().Spawn(ctx)
	check(err)
	here, err := l.Main().Symbol(ctx, zlib, "crc32") // dlsym
	check(err)
	there, err := thread.Symbol(ctx, zlib, "crc32")
	check(err)
	fmt.Printf("crc32 is %08x; its pointer is %d in one thread and %d in another\n",
		sum, here.Pointer, there.Pointer)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
