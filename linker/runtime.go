package linker

import (
	"context"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Features are the WebAssembly features that the linker and the toolchains it knows use: WebAssembly 2.0,
// threads (a memory that several groups share), exception handling, tail calls, extended constant
// expressions.
const Features = api.CoreFeaturesV2 |
	experimental.CoreFeaturesThreads |
	experimental.CoreFeaturesTailCall |
	experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesExceptionHandling

// NewRuntimeConfig returns wazero's default configuration with [Features] enabled.
func NewRuntimeConfig() wazero.RuntimeConfig {
	return wazero.NewRuntimeConfig().WithCoreFeatures(Features)
}

// hasThreads reports whether a runtime accepts shared memories. wazero does not say which features are
// enabled, so it is asked to compile one.
func hasThreads(ctx context.Context, rt wazero.Runtime) error {
	var b wasm.Builder
	b.Memory(0, 1, true)
	bytes, err := b.Bytes()
	if err != nil {
		return err
	}
	compiled, err := rt.CompileModule(ctx, bytes)
	if err != nil {
		return &FeatureError{Feature: "threads", Err: err}
	}
	return compiled.Close(ctx)
}
