package wasm_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/mutant"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

var (
	mutants     = flag.Int("mutants", 3000, "how many mutants TestMutants tries")
	mutantsSeed = flag.Uint64("mutants.seed", 1, "the first seed of TestMutants")
)

// engine is what the oracle asks: it accepts every feature that Decode accepts.
func engine(t testing.TB) wazero.Runtime {
	ctx := context.Background()
	config := wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(api.CoreFeaturesV2 |
		experimental.CoreFeaturesThreads | experimental.CoreFeaturesTailCall |
		experimental.CoreFeaturesExtendedConst | experimental.CoreFeaturesExceptionHandling)
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	t.Cleanup(func() { rt.Close(ctx) })
	return rt
}

// verdict says what became of a module: refused by Decode, accepted by the engine as well, or why
// not. Anything else is an error: a panic, an error without its place, memory out of proportion, an
// accepted module that cannot be rewritten, or of which the engine refuses what was made.
func verdict(rt wazero.Runtime, file []byte) (what string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	m, n, err := decodeCounted(file)
	// The runtime counts what all goroutines allocate, and some of it late, so the least of several
	// measurements is the decoder's.
	most := 1<<20 + 200*uint64(len(file))
	for try := 0; try < 8 && n > most; try++ {
		_, again, _ := decodeCounted(file)
		n = min(n, again)
	}
	if n > most {
		return "", fmt.Errorf("decoding %d bytes allocates %d", len(file), n)
	}
	var format *wasm.FormatError
	if err != nil {
		if m != nil || !errors.As(err, &format) || format.Offset < 0 || format.Offset > len(file) {
			return "", fmt.Errorf("no FormatError with a place in the file: %w", err)
		}
		return "refused", nil
	}
	what = "accepted"
	for _, opt := range []wasm.RewriteOptions{
		{},
		{EmptyData: true, Waits: "a free name", ExportStart: "another free name",
			Safepoints: &wasm.Safepoints{Module: "polls", Name: "count",
				Export: "one more free name"}},
	} {
		r, err := wasm.Rewrite(file, m, opt)
		if err != nil {
			return "", err
		}
		if _, err := wasm.DecodeWithin(r.Bytes, wasm.DefaultLimits().AnyCost()); err != nil {
			return "", fmt.Errorf("the rewritten module cannot be decoded: %w", err)
		}
		compiled, err := rt.CompileModule(context.Background(), r.Bytes)
		switch {
		case err == nil:
			compiled.Close(context.Background())
		case m.OlderExceptions:
			what = "older exceptions"
		case strings.Contains(err.Error(), "global index out of range"):
			what = "constants of own globals" // version 3.0
		default:
			return "", fmt.Errorf("the engine refuses what was accepted: %w", err)
		}
	}
	return what, nil
}

// decodeCounted decodes a module, and returns how many bytes were allocated meanwhile.
func decodeCounted(file []byte) (*wasm.Module, uint64, error) {
	before := allocated()
	m, err := wasm.Decode(file)
	return m, allocated() - before, err
}

// allocated returns how many bytes were ever allocated.
func allocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// corpus returns modules to change, the small ones first.
func corpus(t testing.TB) [][]byte {
	files := slices.Collect(maps.Values(fixtures(t)))
	files = append(files, everything(t), program(t, true))
	slices.SortFunc(files, func(a, b []byte) int {
		if d := len(a) - len(b); d != 0 {
			return d
		}
		return slices.Compare(a, b)
	})
	return files
}

// stockModules returns the modules from npm, if they were fetched.
func stockModules(t testing.TB) (files [][]byte) {
	paths, err := filepath.Glob("../../../stock/node_modules/*/*.wasm")
	more, _ := filepath.Glob("../../../stock/node_modules/tree-sitter-wasms/out/*.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range append(paths, more...) {
		file, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if len(file) < 1<<20 {
			files = append(files, file)
		}
	}
	return files
}

// TestMutants decodes changed modules, and has the engine compile what is accepted. A failure is
// shrunk to the changes that it needs. To run a million:
//
//	go test ./linker/internal/wasm -run TestMutants -timeout 0 -args -mutants 1000000
func TestMutants(t *testing.T) {
	rt, files, stock := engine(t), corpus(t), stockModules(t)
	counts := map[string]int{}
	for i := range *mutants {
		seed := *mutantsSeed + uint64(i)
		r := rand.New(rand.NewPCG(seed, 1))
		module, other := files[r.IntN(len(files))], files[r.IntN(len(files)/2)]
		if len(stock) > 0 && r.IntN(500) == 0 { // they take long
			module = stock[r.IntN(len(stock))]
		}
		choices := make([]byte, mutant.Size*(1+r.IntN(4)))
		for k := range choices {
			choices[k] = byte(r.Uint32())
		}
		what, err := verdict(rt, mutant.Apply(module, other, choices))
		if err != nil {
			choices = shrink(choices, func(c []byte) bool {
				_, err := verdict(rt, mutant.Apply(module, other, c))
				return err != nil
			})
			small := mutant.Apply(module, other, choices)
			_, err = verdict(rt, small)
			t.Errorf("seed %d, changes % x, %d bytes: %v", seed, choices, len(small), err)
			continue
		}
		counts[what]++
	}
	t.Logf("of %d mutants: %v", *mutants, counts)
	if counts["refused"] < *mutants/20 || counts["accepted"] < *mutants/20 {
		t.Errorf("the mutants are too much alike: %v", counts)
	}
}

// shrink leaves changes out for as long as it fails without them.
func shrink(choices []byte, fails func([]byte) bool) []byte {
	for i := 0; i < len(choices); {
		if c := slices.Delete(slices.Clone(choices), i, i+mutant.Size); fails(c) {
			choices = c
		} else {
			i += mutant.Size
		}
	}
	return choices
}
