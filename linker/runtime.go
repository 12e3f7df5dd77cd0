package linker

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Features are the WebAssembly features that the linker and the toolchains it knows use:
// WebAssembly 2.0, threads (a memory that several groups share), exception handling, tail calls,
// extended constant expressions.
const Features = api.CoreFeaturesV2 |
	experimental.CoreFeaturesThreads |
	experimental.CoreFeaturesTailCall |
	experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesExceptionHandling

// NewRuntimeConfig returns wazero's default configuration with [Features] enabled.
//
// Runtimes may share a compilation cache. When that is on disk, compile nothing that a linker loads
// with wazero's own CompileModule at the same time: the engine panics when it meets code that
// another goroutine is just reading from there (wazero #2547). Linkers take turns by themselves.
func NewRuntimeConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().WithCoreFeatures(Features)
}

// hasThreads reports whether a runtime accepts shared memories. wazero does not say which features
// are enabled, so it is asked to compile one.
func hasThreads(ctx context.Context, rt wazero.Runtime) error {
	var b wasm.Builder
	b.Memory(0, 1, true)
	bytes, err := b.Bytes()
	if err != nil {
		return err
	}
	compiled, err := codecache.Compile(ctx, rt, bytes)
	if err != nil {
		return &FeatureError{Feature: "threads", Err: err}
	}
	return compiled.Close(ctx)
}
