package cowasm

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// host is what the kernel and Python import and neither has.
type host struct {
	sent     string         // what Python has sent last
	failed   bool           // it was an exception
	pointers map[uint32]int // how many arguments functions take, by pointer
}

// find returns a function by name; nil for those that fail when they are called.
func (h *host) find(namespace, name string, _, _ []api.ValueType) api.GoModuleFunction {
	if namespace != "env" {
		return nil
	}
	if n, ok := numbers()[name]; ok {
		return api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
			if len(stack) > 0 {
				stack[0] = n
			}
		})
	}
	if n, ok := trampolines()[name]; ok {
		return h.trampoline(n)
	}
	switch name {
	case "getrandom":
		return api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
			b := view(ctx, uint32(stack[0]), uint32(stack[1]))
			_, _ = rand.Read(b) // which never fails
			stack[0] = uint64(len(b))
		})
	case "realpath":
		return api.GoModuleFunc(realPath)
	case "wasmSendString":
		return api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
			h.sent = string(view(ctx, uint32(stack[0]), uint32(stack[1])))
		})
	case "wasmSetException":
		return api.GoModuleFunc(func(context.Context, api.Module, []uint64) { h.failed = true })
	}
	return nil
}

// numbers are functions that return one, by name: nothing is done, one user and no terminal are
// there.
func numbers() map[string]uint64 {
	const failed = 1<<32 - 1
	return map[string]uint64{"tcdrain": failed, "tcflow": failed, "tcflush": failed,
		"tcgetattr": failed, "tcsendbreak": failed, "tcsetattr": failed,
		"main": 0, "python_wasm_set_inheritable": 0, "wasmGetSignalState": 0,
		"sigemptyset": 0, "sigaddset": 0, "sigprocmask": 0, "sigfillset": 0, "_Py_emscripten_runtime": 0,
		"getpid": 42, "getuid": 1000, "geteuid": 1000, "_geteuid": 1000,
		"getgid": 1000, "getegid": 1000}
}

// trampolines call a function pointer, their first argument, with the others, of which it may take
// fewer: JavaScript, which does that for Python, ignores arguments that are too many.
func trampolines() map[string]int {
	return map[string]int{"_PyImport_InitFunc_TrampolineCall": 0,
		"_PyCFunctionWithKeywords_TrampolineCall": 3, "descr_get_trampoline_call": 2,
		"descr_set_trampoline_call": 3}
}

func (h *host) trampoline(arguments int) api.GoModuleFunction {
	i32 := api.ValueTypeI32
	return api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		pointer, args := uint32(stack[0]), slices.Clone(stack[1:1+arguments])
		n, known := h.pointers[pointer]
		if !known {
			n = arguments
		}
		for ; ; n-- {
			r, err := linker.GroupFromContext(ctx).CallPointer(ctx, pointer,
				slices.Repeat([]api.ValueType{i32}, n), []api.ValueType{i32}, args[:n]...)
			wrong := (*linker.PointerError)(nil)
			if errors.As(err, &wrong) && wrong.Pointer == pointer && n > 0 {
				continue
			}
			if err != nil {
				panic(err)
			}
			h.pointers[pointer], stack[0] = n, r[0]
			return
		}
	})
}

// realPath copies a path: the file system has no links. Without a place for it, it takes one.
func realPath(ctx context.Context, _ api.Module, stack []uint64) {
	g := linker.GroupFromContext(ctx)
	r, err := g.Call(ctx, linker.Default, "strlen", stack[0])
	if err != nil {
		panic(err)
	}
	size := uint32(r[0]) + 1
	if stack[1] == 0 {
		if r, err = g.Call(ctx, linker.Default, "malloc", uint64(size)); err != nil {
			panic(err)
		}
		stack[1] = r[0]
	}
	copy(view(ctx, uint32(stack[1]), size), view(ctx, uint32(stack[0]), size))
	stack[0] = stack[1]
}

func view(ctx context.Context, address, size uint32) []byte {
	b, ok := linker.GroupFromContext(ctx).Linker().View(address, size)
	if !ok {
		panic(fmt.Errorf("cowasm: %w: %d bytes at %#x", linker.ErrBadBlock, size, address))
	}
	return b
}
