package treesitter

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// input is what a call of the library has with it. It travels with the call's context, not in a
// variable, so that the host functions have no state.
type input struct {
	ctx  context.Context // that of the caller
	text utf16Text
	log  func(message string)
}

// inputKey is the key of a context's input.
type inputKey struct{}

func inputOf(ctx context.Context) *input {
	if in, _ := ctx.Value(inputKey{}).(*input); in != nil {
		return in
	}
	return &input{ctx: ctx}
}

// callbacks are the functions that web-tree-sitter imports from its host, by name.
func callbacks() map[string]api.GoModuleFunction {
	return map[string]api.GoModuleFunction{
		"tree_sitter_parse_callback":          api.GoModuleFunc(readText),
		"tree_sitter_progress_callback":       api.GoModuleFunc(progress),
		"tree_sitter_query_progress_callback": api.GoModuleFunc(progress),
		"tree_sitter_log_callback":            api.GoModuleFunc(logMessage),
	}
}

// readText hands out the source text: a buffer, an index in UTF-16 units, a row and a column, and
// where the length goes.
func readText(ctx context.Context, _ api.Module, stack []uint64) {
	buffer, index, length := uint32(stack[0]), uint32(stack[1]), uint32(stack[4])
	chunk := inputOf(ctx).text.chunk(index)
	memory := linker.GroupFromContext(ctx).Linker().Memory()
	to, ok := memory.Read(buffer, uint32(2*len(chunk)))
	if !ok || !memory.WriteUint32Le(length, uint32(len(chunk))) {
		panic(fmt.Errorf("%w: read buffer %#x", ErrMemory, buffer))
	}
	for i, unit := range chunk {
		binary.LittleEndian.PutUint16(to[2*i:], unit)
	}
}

// progress stops the parser or the query, by a result of 1, when the caller's context has ended.
func progress(ctx context.Context, _ api.Module, stack []uint64) {
	stack[0] = 0
	if inputOf(ctx).ctx.Err() != nil {
		stack[0] = 1
	}
}

// logMessage passes on what a parser says that has a logger. The first argument should tell
// messages of the lexer from others, but is 1 for all of them.
func logMessage(ctx context.Context, _ api.Module, stack []uint64) {
	address := uint32(stack[1])
	log := inputOf(ctx).log
	if log == nil {
		return
	}
	memory := linker.GroupFromContext(ctx).Linker().Memory()
	var message []byte
	for len(message) < maxMessage {
		b, ok := memory.ReadByte(address + uint32(len(message)))
		if !ok || b == 0 {
			break
		}
		message = append(message, b)
	}
	log(string(message))
}

// maxMessage is how long a message of the log can be: the library's buffer for them is smaller.
const maxMessage = 4096
