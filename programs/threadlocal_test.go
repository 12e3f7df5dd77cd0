package programs_test

import (
	"io/fs"
	"testing"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// A thread-local variable of an ordinary executable has an address of its own in each group: that
// which the program itself uses there. It is no plain data at an address that is its offset.
func TestMainThreadLocal(t *testing.T) {
	main, err := fs.ReadFile(libraries.FS(), libraries.MainLibc)
	if err != nil {
		t.Fatal(err)
	}
	p := link(t, main, "threads")
	ctx := t.Context()
	seen := map[uint32]bool{}
	for range 3 {
		sym, err := p.g.Symbol(ctx, linker.Default, "errno")
		if err != nil {
			t.Fatal(err)
		}
		own, err := p.g.Call(ctx, linker.Default, "__errno_location")
		if err != nil || uint32(own[0]) != sym.Pointer || sym.Kind != linker.Data {
			t.Errorf("errno is at %#x, the program has it at %#x, %v", sym.Pointer, own[0], err)
		}
		if seen[sym.Pointer] {
			t.Errorf("%#x is another group's errno", sym.Pointer)
		}
		seen[sym.Pointer] = true
		environ, err := p.g.Symbol(ctx, linker.Default, "environ")
		if err != nil || environ.Pointer < 1<<16 {
			t.Errorf("environ is at %#x, %v", environ.Pointer, err)
		}
		if p.g, err = p.g.Spawn(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
