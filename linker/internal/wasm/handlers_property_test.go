package wasm

import (
	"context"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero"
	"pgregory.net/rapid"
)

// What was changed so that handlers see variables as they are does, compiled, what the original
// does in the interpreter, which needs no change.
func TestKeepLocalsAsInterpreted(t *testing.T) {
	changed, different := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		file := generate(rt)
		m, err := Decode(file)
		if err != nil {
			rt.Fatal(err)
		}
		kept, err := KeepLocals(file, m)
		if err != nil {
			rt.Fatal(err)
		}
		if _, err := Decode(kept); err != nil {
			rt.Fatalf("not valid any more: %v", err)
		}
		args := []uint64{uint64(rapid.Uint32().Draw(rt, "a")), uint64(rapid.Uint32().Draw(rt, "b"))}
		want := outcomeOf(t, wazero.NewRuntimeConfigInterpreter(), file, args)
		if got := outcomeOf(t, wazero.NewRuntimeConfigCompiler(), kept, args); !slices.Equal(got,
			want) {
			rt.Fatalf("%v, want %v", got, want)
		}
		if len(kept) == len(file) {
			return
		}
		changed++
		if got := outcomeOf(t, wazero.NewRuntimeConfigCompiler(), file, args); !slices.Equal(got,
			want) {
			different++
		}
	})
	if changed == 0 { // in each hundred about 30 are, and 4 have to be
		t.Error("no program was changed")
	}
	t.Logf("%d programs were changed, %d had to be", changed, different)
}

// outcomeOf runs a program: its globals, whether it failed, its result and its memory.
func outcomeOf(t *testing.T, c wazero.RuntimeConfig, file []byte, args []uint64) []uint64 {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, c.WithCoreFeatures(pollFeatures))
	defer rt.Close(ctx)
	mod, err := rt.Instantiate(ctx, file)
	if err != nil {
		t.Fatal(err)
	}
	r, err := mod.ExportedFunction("run").Call(ctx, args...)
	list := []uint64{mod.ExportedGlobal("g0").Get(), mod.ExportedGlobal("g1").Get(), 0}
	if list = append(list, r...); err != nil {
		list[2] = 1
	}
	for at := range uint32(16) {
		v, _ := mod.Memory().ReadUint32Le(4 * at)
		list = append(list, uint64(v))
	}
	return list
}
