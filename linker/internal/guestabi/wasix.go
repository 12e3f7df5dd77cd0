package guestabi

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Flags of wasix_32v1.dlopen.
const (
	wasixLazy = 1 << iota
	wasixNow
	wasixGlobal
	wasixNoLoad
	wasixNoDelete
	wasixDeepBind // accepted, and without effect: a library's own definitions do not come first
)

// wasix are the functions of WASIX for dynamic linking. Their signatures are those that
// wasix-libc's header api_wasix.h declares; what they return is an error number of WASI, and dlopen
// and dlsym write what went wrong, in words, to the caller's buffer.
func (a *ABI) wasix() []Function {
	define := func(name string, n int,
		f func(ctx context.Context, g *Guest, v []uint32) uint32) Function {
		return Function{Name: "wasix_32v1." + name,
			Params:  slices.Repeat([]wasm.ValType{wasm.I32}, n),
			Results: []wasm.ValType{wasm.I32},
			Run: func(ctx context.Context, g *Guest, _ *image.Module, stack []uint64) {
				v := make([]uint32, n)
				for i := range v {
					v[i] = uint32(stack[i])
				}
				stack[0] = uint64(f(ctx, g, v))
			}}
	}
	return []Function{
		define("dlopen", 8, a.wasixOpen),
		define("dlsym", 6, a.wasixSymbol),
		define("dl_invalid_handle", 1, func(_ context.Context, g *Guest, v []uint32) uint32 {
			if !g.IsOpen(v[0]) {
				return errnoNoExec
			}
			return errnoSuccess
		}),
		define("closure_allocate", 1, a.wasixAllocate),
		define("closure_prepare", 7, a.wasixPrepare),
		define("closure_free", 1, func(ctx context.Context, g *Guest, v []uint32) uint32 {
			return a.closureErrno(g.FreeClosure(ctx, v[0]))
		}),
		define("reflect_signature", 6, a.wasixReflect),
		define("call_dynamic", 6, a.wasixCall),
	}
}

// wasixOpen opens a library: v is the name and its length, the flags, where an error's text goes
// and how long it may be, the folders and their length, and where the handle goes.
func (a *ABI) wasixOpen(ctx context.Context, g *Guest, v []uint32) uint32 {
	path, flags, text := v[0], v[2], spans.Span{Base: v[3], Size: v[4]}
	name, err := a.sized(path, v[1])
	search, err2 := a.sized(v[5], v[6])
	if err := cmp.Or(err, err2); err != nil {
		return badString(err)
	}
	if path == 0 {
		name = ""
	}
	mode := Mode{Now: flags&wasixNow != 0, Global: flags&wasixGlobal != 0,
		NoLoad: flags&wasixNoLoad != 0, NoDelete: flags&wasixNoDelete != 0}
	handle, err := a.open(ctx, g, name, mode, nil, slices.DeleteFunc(strings.Split(search, ":"),
		func(dir string) bool { return dir == "" }))
	return a.wasixResult(handle, err, text, v[7])
}

// badString is the error number for a string that a guest cannot hand over.
func badString(err error) uint32 {
	if errors.Is(err, errBadString) {
		return errnoFault
	}
	return errnoInval
}

// wasixSymbol looks a symbol up: v is the handle, the name and its length, where an error's text
// goes and how long it may be, and where the pointer goes.
func (a *ABI) wasixSymbol(ctx context.Context, g *Guest, v []uint32) uint32 {
	name, err := a.sized(v[1], v[2])
	if err != nil {
		return badString(err)
	}
	pointer, err := g.Symbol(ctx, v[0], name, nil)
	return a.wasixResult(pointer, err, spans.Span{Base: v[3], Size: v[4]}, v[5])
}

// wasixResult writes a result, or an error's text, with a 0 behind it and cut short if it has to
// be.
func (a *ABI) wasixResult(value uint32, err error, text spans.Span, out uint32) uint32 {
	if err != nil {
		a.fatal(err)
		b, ok := a.Memory.At(text.Base, text.Size)
		switch {
		case !ok:
			return errnoFault
		case len(b) > 0:
			b[copy(b[:len(b)-1], err.Error())] = 0
		}
		return errnoNoExec
	}
	return a.wasixStore(value, out)
}

func (a *ABI) wasixStore(value, out uint32) uint32 {
	b, ok := a.Memory.At(out, 4)
	if !ok {
		return errnoFault
	}
	binary.LittleEndian.PutUint32(b, value)
	return errnoSuccess
}

// closureErrno is the number that says best what went wrong with a closure.
func (a *ABI) closureErrno(err error) uint32 {
	if err == nil {
		return errnoSuccess
	}
	a.fatal(err)
	switch {
	case a.Errors.Busy(err):
		return errnoBusy
	case a.Errors.NoMemory(err):
		return errnoNoMem
	}
	return errnoInval
}

func (a *ABI) wasixAllocate(ctx context.Context, g *Guest, v []uint32) uint32 {
	if _, ok := a.Memory.At(v[0], 4); !ok {
		return errnoFault
	}
	slot, err := g.AllocateClosure(ctx)
	if err != nil {
		return a.closureErrno(err)
	}
	return a.wasixStore(slot, v[0])
}

// MaxClosureTypes is how many parameters, or results, a prepared closure may have: what engines
// allow a function.
const MaxClosureTypes = 1000

// wasixPrepare gives a closure its function: v is that, the closure, the types of its parameters
// and how many they are, the same of its results, and the data that is bound to it.
func (a *ABI) wasixPrepare(ctx context.Context, g *Guest, v []uint32) uint32 {
	var t wasm.FuncType
	for i, types := range []*[]wasm.ValType{&t.Params, &t.Results} {
		bytes, ok := a.Memory.At(v[2+2*i], v[3+2*i])
		if !ok {
			return errnoFault
		}
		if len(bytes) > MaxClosureTypes {
			return errnoInval
		}
		for _, b := range bytes {
			if int(b) >= len(wasixTypes) {
				return errnoInval
			}
			*types = append(*types, wasixTypes[b])
		}
	}
	return a.closureErrno(g.PrepareClosure(ctx, v[1],
		image.Trampoline{Type: t, Backing: v[0], Data: v[6]}))
}

// wasixTypes are the value types by their numbers in WASIX.
var wasixTypes = [...]wasm.ValType{wasm.I32, wasm.I64, wasm.F32, wasm.F64, wasm.V128}
