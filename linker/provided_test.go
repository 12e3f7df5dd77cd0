package linker

import (
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/modinfo"
)

// What tools take the linker to provide is what it provides.
func TestProvidedNames(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, NewRuntimeConfig())
	defer rt.Close(ctx)
	main, err := os.ReadFile("testdata/main-exe.wasm")
	if err != nil {
		t.Fatal(err)
	}
	l, err := New(ctx, rt, main, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(ctx)
	count := 0
	for _, fn := range l.host.Functions {
		name, ok := strings.CutPrefix(fn.Name, shim.ProvidedPrefix)
		if !ok {
			continue
		}
		count++
		if !modinfo.Provided(name) {
			t.Errorf("modinfo does not know that the linker provides %s", name)
		}
	}
	if want := 14; count != want {
		t.Errorf(
			"the linker provides %d functions in env, want %d: see modinfo.Provided",
			count,
			want,
		)
	}
}
