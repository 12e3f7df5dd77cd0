package programs_test

import (
	"fmt"
	"io/fs"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Code with the older instructions for exceptions, which the engine does not know, does what the
// same source does with those of the standard: whichever call throws, all that runs runs in the
// same order. It is a library's code, in one group and in another one.
func TestCommandOfOlderExceptions(t *testing.T) {
	main, err := fs.ReadFile(libraries.FS(), libraries.MainLibc)
	if err != nil {
		t.Fatal(err)
	}
	for level := range 3 {
		t.Run(fmt.Sprintf("-O%d", level), func(t *testing.T) {
			p := link(t, main, "threads")
			ctx := t.Context()
			older, err := p.g.Open(ctx, fmt.Sprintf("exceptions-older-%d.so", level), linker.Local)
			if err != nil {
				t.Fatal(err)
			}
			newer, err := p.g.Open(ctx, "exceptions-newer.so", linker.Local)
			if err != nil {
				t.Fatal(err)
			}
			other, err := p.g.Spawn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			different := map[uint64]bool{}
			for way := range 4 {
				for n := range 60 {
					args := []uint64{api.EncodeI32(int32(way)), api.EncodeI32(int32(n))}
					want, err := p.g.Call(ctx, newer, "run", args...)
					if err != nil {
						t.Fatal(err)
					}
					for _, g := range []func() ([]uint64, error){
						func() ([]uint64, error) { return p.g.Call(ctx, older, "run", args...) },
						func() ([]uint64, error) { return other.Call(ctx, older, "run", args...) },
					} {
						if got, err := g(); err != nil || got[0] != want[0] {
							t.Errorf("way %d, call %d throws: %v, %v, want %v", way, n, got, err,
								want)
						}
					}
					different[want[0]] = true
				}
			}
			if len(different) < 40 {
				t.Errorf("only %d different courses", len(different))
			}
		})
	}
}
