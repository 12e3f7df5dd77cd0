package webts

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// ErrAborted means that web-tree-sitter gave up: an assertion failed, or it got no memory.
var ErrAborted = errors.New("webts: the tree-sitter library aborted")

const pageSize = 65536

// sourceKey is the key of a context's source text. The text travels with the call, not in a
// variable, so the host functions have no state and serve any number of parsers.
type sourceKey struct{}

func withSource(ctx context.Context, source text) context.Context {
	return context.WithValue(ctx, sourceKey{}, source)
}

// InstantiateHost instantiates what web-tree-sitter imports from its host: the module "env" and
// WASI. It comes before linker.New, once for each runtime.
func InstantiateHost(ctx context.Context, rt wazero.Runtime) error {
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, rt); err != nil {
		return fmt.Errorf("webts: WASI: %w", err)
	}
	env := rt.NewHostModuleBuilder("env")
	for name, function := range map[string]any{
		"_abort_js":                           abort,
		"emscripten_resize_heap":              resizeHeap,
		"tree_sitter_parse_callback":          parseCallback,
		"tree_sitter_progress_callback":       progressCallback,
		"tree_sitter_query_progress_callback": queryProgressCallback,
		"tree_sitter_log_callback":            logCallback,
	} {
		env.NewFunctionBuilder().WithFunc(function).Export(name)
	}
	if _, err := env.Instantiate(ctx); err != nil {
		return fmt.Errorf("webts: host module: %w", err)
	}
	return nil
}

// abort does not return. wazero turns a host function's panic into the error of the call.
func abort() { panic(ErrAborted) }

// resizeHeap makes the memory at least size bytes large and returns 1, or 0 when it cannot.
func resizeHeap(_ context.Context, m api.Module, size uint32) uint32 {
	memory := m.Memory()
	have := memory.Size()
	if size <= have {
		return 1
	}
	pages := (uint64(size) - uint64(have) + pageSize - 1) / pageSize
	if _, ok := memory.Grow(uint32(pages)); !ok {
		return 0
	}
	return 1
}

// parseCallback hands out the source text of the call's context. index is in UTF-16 units.
func parseCallback(ctx context.Context, m api.Module, buffer, index, _, _, length uint32) {
	source, _ := ctx.Value(sourceKey{}).(text)
	chunk := source.chunk(index)
	memory := m.Memory()
	if !memory.Write(buffer, littleEndian(chunk)) ||
		!memory.WriteUint32Le(length, uint32(len(chunk))) {
		panic(fmt.Errorf("webts: read buffer %#x outside the memory", buffer))
	}
}

// progressCallback stops the parser, by returning 1, when the call's context has ended.
func progressCallback(ctx context.Context, _, _ uint32) uint32 { return stop(ctx) }

// queryProgressCallback does the same for a query.
func queryProgressCallback(ctx context.Context, _ uint32) uint32 { return stop(ctx) }

func stop(ctx context.Context) uint32 {
	if ctx.Err() != nil {
		return 1
	}
	return 0
}

// logCallback is called only where logging was enabled, which this package never does.
func logCallback(_, _ uint32) {}
