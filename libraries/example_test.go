package libraries_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// A C library, linked while the program runs.
func Example() {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	main, err := fs.ReadFile(libraries.FS(), libraries.MainLibc)
	if err != nil {
		log.Fatal(err)
	}
	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithFS(libraries.FS()))
	if err != nil {
		log.Fatal(err)
	}
	defer l.Close(ctx)
	lib, err := l.Main().Open(ctx, libraries.Zlib)
	if err != nil {
		log.Fatal(err)
	}
	bound, err := l.Main().Call(ctx, lib, "compressBound", 1000)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("1000 bytes may grow to", bound[0])
	// Output: 1000 bytes may grow to 1013
}
