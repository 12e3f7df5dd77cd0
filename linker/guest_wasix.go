package linker

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// wasixPrefix marks the functions that guests import from wasix_32v1.
const wasixPrefix = "wasix_32v1."

// Flags of wasix_32v1.dlopen.
const (
	wasixLazy = 1 << iota
	wasixNow
	wasixGlobal
	wasixNoLoad
	wasixNoDelete
	wasixDeepBind // accepted, and without effect: a library's own definitions do not come first
)

// wasixFunctions are the functions of WASIX for dynamic linking. Their signatures are those that
// wasix-libc's header api_wasix.h declares; what they return is an error number of WASI, and dlopen
// and dlsym write what went wrong, in words, to the caller's buffer.
func (l *Linker) wasixFunctions() []hostFunction {
	params := func(n int) []api.ValueType {
		return slices.Repeat([]api.ValueType{api.ValueTypeI32}, n)
	}
	define := func(name string, n int,
		f func(ctx context.Context, g *Group, a []uint32) uint32) hostFunction {
		return hostFunction{wasixPrefix + name, params(n), params(1),
			guestFunction(func(ctx context.Context, g *Group, _ api.Module, stack []uint64) {
				a := make([]uint32, n)
				for i := range a {
					a[i] = uint32(stack[i])
				}
				stack[0] = uint64(f(ctx, g, a))
			})}
	}
	return []hostFunction{
		define("dlopen", 8, func(ctx context.Context, g *Group, a []uint32) uint32 {
			return g.wasixOpen(ctx, a[0], a[1], a[2], spans.Span{Base: a[3], Size: a[4]}, a[5],
				a[6], a[7])
		}),
		define("dlsym", 6, func(ctx context.Context, g *Group, a []uint32) uint32 {
			return g.wasixSymbol(ctx, a[0], a[1], a[2], spans.Span{Base: a[3], Size: a[4]}, a[5])
		}),
		define("dl_invalid_handle", 1, func(_ context.Context, g *Group, a []uint32) uint32 {
			if _, err := l.guest.find(a[0]); err != nil && a[0] != l.shared.Main.ID {
				return errnoNoExec
			}
			return errnoSuccess
		}),
		define("closure_allocate", 1, func(ctx context.Context, g *Group, a []uint32) uint32 {
			return g.wasixAllocate(ctx, a[0])
		}),
		define("closure_prepare", 7, func(ctx context.Context, g *Group, a []uint32) uint32 {
			return g.wasixPrepare(ctx, a)
		}),
		define("closure_free", 1, func(ctx context.Context, g *Group, a []uint32) uint32 {
			return wasixErrno(g.FreeClosure(ctx, a[0]))
		}),
		define("reflect_signature", 6, func(_ context.Context, g *Group, a []uint32) uint32 {
			return g.wasixReflect(a)
		}),
		define("call_dynamic", 6, func(ctx context.Context, g *Group, a []uint32) uint32 {
			return g.wasixCall(ctx, a)
		}),
	}
}

func (g *Group) wasixOpen(ctx context.Context, path, n, flags uint32, text spans.Span, dirs,
	dirsLen, out uint32) uint32 {
	name, err := g.l.guestString(path, n)
	search, err2 := g.l.guestString(dirs, dirsLen)
	if err := cmp.Or(err, err2); err != nil {
		return badString(err)
	}
	if path == 0 {
		name = ""
	}
	mode := openMode{now: flags&wasixNow != 0, global: flags&wasixGlobal != 0,
		noLoad: flags&wasixNoLoad != 0, noDelete: flags&wasixNoDelete != 0}
	handle, err := g.guestOpen(ctx, name, mode, nil,
		slices.DeleteFunc(strings.Split(search, ":"),
			func(dir string) bool { return dir == "" })...)
	return g.wasixResult(handle, err, text, out)
}

// badString is the error number for a string that a guest cannot hand over.
func badString(err error) uint32 {
	if errors.Is(err, errBadString) {
		return errnoFault
	}
	return errnoInval
}

func (g *Group) wasixSymbol(ctx context.Context, handle, symbol, n uint32, text spans.Span,
	out uint32) uint32 {
	name, err := g.l.guestString(symbol, n)
	if err != nil {
		return badString(err)
	}
	pointer, err := g.guestSymbol(ctx, handle, name, nil)
	return g.wasixResult(pointer, err, text, out)
}

// wasixResult writes a result, or an error's text, with a 0 behind it and cut short if it has to
// be.
func (g *Group) wasixResult(value uint32, err error, text spans.Span, out uint32) uint32 {
	if err != nil {
		fatal(err)
		b, ok := g.l.shared.Mem.At(text.Base, text.Size)
		switch {
		case !ok:
			return errnoFault
		case len(b) > 0:
			b[copy(b[:len(b)-1], err.Error())] = 0
		}
		return errnoNoExec
	}
	return g.wasixStore(value, out)
}

func (g *Group) wasixStore(value, out uint32) uint32 {
	b, ok := g.l.shared.Mem.At(out, 4)
	if !ok {
		return errnoFault
	}
	binary.LittleEndian.PutUint32(b, value)
	return errnoSuccess
}

// wasixErrno is the number that says best what went wrong with a closure.
func wasixErrno(err error) uint32 {
	if err == nil {
		return errnoSuccess
	}
	fatal(err)
	var limit *LimitError
	switch {
	case errors.Is(err, ErrInOperation), errors.Is(err, ErrReplay):
		return errnoBusy
	case errors.As(err, &limit), errors.Is(err, ErrNoMemory):
		return errnoNoMem
	}
	return errnoInval
}

func (g *Group) wasixAllocate(ctx context.Context, out uint32) uint32 {
	if _, ok := g.l.shared.Mem.At(out, 4); !ok {
		return errnoFault
	}
	slot, err := g.AllocateClosure(ctx)
	if err != nil {
		return wasixErrno(err)
	}
	return g.wasixStore(slot, out)
}

func (g *Group) wasixPrepare(ctx context.Context, a []uint32) uint32 {
	var t wasm.FuncType
	for i, types := range []*[]wasm.ValType{&t.Params, &t.Results} {
		bytes, ok := g.l.shared.Mem.At(a[2+2*i], a[3+2*i])
		if !ok {
			return errnoFault
		}
		if len(bytes) > maxClosureTypes {
			return errnoInval
		}
		for _, b := range bytes {
			if int(b) >= len(wasixTypes) {
				return errnoInval
			}
			*types = append(*types, wasixTypes[b])
		}
	}
	return wasixErrno(g.prepareClosure(ctx, a[1], image.Trampoline{Type: t, Backing: a[0],
		Data: a[6]}))
}

// wasixTypes are the value types by their numbers in WASIX.
var wasixTypes = [...]wasm.ValType{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128}
