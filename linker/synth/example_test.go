package synth_test

import (
	"context"
	"fmt"
	"os"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// A library that calls another one's function through its pointer.
func Example() {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	main, err := os.ReadFile("../testdata/main-pie.wasm")
	if err != nil {
		fmt.Println(err)
		return
	}
	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithMemoryPages(0, 64))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close(ctx)
	for _, lib := range []synth.Library{
		{Name: "libseven.wasm", Functions: []synth.Function{{Exports: []string{"seven"}, Base: 7}}},
		{Name: "libuser.wasm",
			Functions: []synth.Function{{Exports: []string{"user"}, Base: 100, Body: []synth.Op{
				{Kind: synth.CallPointer, Symbol: "seven"},
			}}}},
	} {
		file, err := lib.Encode()
		if err != nil {
			fmt.Println(err)
			return
		}
		if _, err := l.Main().OpenBytes(ctx, lib.Name, file); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(l.Main().Call(ctx, linker.Default, "user", 1)) // 100·31 + 7
	fmt.Println(l.Main().Call(ctx, linker.Default, "user", 0)) // no call at depth 0
	// Output:
	// [3107] <nil>
	// [3101] <nil>
}
