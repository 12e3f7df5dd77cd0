package linker

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/guestabi"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// hostCallback is the linker's function behind the function pointers of Go functions: what a
// trampoline calls with its arguments, its results and its own entry.
const hostCallback = "callback"

// CallbackError says why a Go function cannot have a function pointer of a signature.
type CallbackError struct {
	Type   string // the signature
	Reason string
}

// Error implements the error interface.
func (e *CallbackError) Error() string {
	return fmt.Sprintf("linker: callback %s: %s", text.Clip(e.Type, text.MaxName), e.Reason)
}

// NewCallback makes a function pointer for a Go function, as addFunction of Emscripten does for one
// of JavaScript: guests call it in every group, and it travels through their memory as any other. f
// is called as a host function is, by whatever goroutine is inside the group that calls, so by
// several at once when there are several groups; its arguments and results are on the stack as
// wazero has them, and params and results are of the types i32, i64, f32, f64 and, in two words,
// v128. The pointer is an entry of the function table until [Group.FreeCallback] gives it back.
//
// It is a link operation. The error is a *CallbackError for a signature that cannot be and
// for no function, or a *LimitError when the function table cannot grow.
func (g *Group) NewCallback(ctx context.Context, f api.GoModuleFunc, params,
	results []api.ValueType) (uint32, error) {
	typ := image.WasmType(params, results)
	if err := callbackType(typ); err != nil {
		return 0, err
	}
	if f == nil {
		return 0, &CallbackError{Type: typ.String(), Reason: "the Go function is nil"}
	}
	var slot uint32
	err := g.inside(ctx, func(ctx context.Context, act *activation) error {
		return act.run(ctx, protocol.ResolveFunction, func(ctx context.Context,
			op *linkOp) (err error) {
			if slot, err = op.closure(ctx); err != nil {
				return err
			}
			return op.callback(ctx, slot, &callback{run: f, typ: typ})
		})
	})
	if err != nil {
		return 0, err
	}
	return slot, nil
}

func callbackType(typ wasm.FuncType) error {
	for _, list := range [][]wasm.ValType{typ.Params, typ.Results} {
		if len(list) > guestabi.MaxClosureTypes {
			return &CallbackError{Type: typ.String(),
				Reason: fmt.Sprintf("it has more than %d types", guestabi.MaxClosureTypes)}
		}
		for _, v := range list {
			if shim.ValueSize(v) == 0 {
				return &CallbackError{Type: typ.String(),
					Reason: "a reference has no place in memory"}
			}
		}
	}
	return nil
}

// callback makes a closure the function pointer of a callback.
func (op *linkOp) callback(ctx context.Context, slot uint32, f *callback) error {
	s := &space.FillStep{}
	backing, err := op.slot(op.l.host.Exports[hostCallback].Fn, &s.Fills)
	if err != nil {
		return err
	}
	if s.Slots = op.l.state.slots.Length; len(s.Fills) > 0 {
		if err := op.perform(ctx, s); err != nil {
			return err
		}
	}
	tr := image.Trampoline{Type: f.typ, Backing: backing, Data: slot, Callback: f}
	if tr.Code, err = op.l.trampolineCode(ctx, f.typ); err != nil {
		return err
	}
	return op.setClosure(ctx, slot, nil, &tr)
}

// FreeCallback gives the function pointer of a Go function back: it is null from then on, in every
// group, as a freed closure is. The Go function is let go. The error is a *ClosureError for what is
// no such pointer, or was freed.
func (g *Group) FreeCallback(ctx context.Context, pointer uint32) error {
	return g.freeEntry(ctx, pointer, func(s *image.Snapshot) bool {
		tr := s.Trampolines.At(pointer)
		return tr != nil && tr.Callback != nil
	})
}

// callbackFunction is what trampolines call: (arguments, results, function pointer).
func (l *Linker) callbackFunction() hostFunction {
	i32 := api.ValueTypeI32
	return hostFunction{hostCallback, []api.ValueType{i32, i32, i32}, nil,
		func(ctx context.Context, mod api.Module, stack []uint64) {
			pointer := uint32(stack[2])
			tr := activationOf(ctx).snapshot().Trampolines.At(pointer)
			if tr == nil || tr.Callback == nil { // freed, and this group does not know it yet
				panic(&UndefinedSymbolError{Symbol: fmt.Sprintf("callback %d", pointer)})
			}
			f, _ := tr.Callback.(*callback)
			safepoint(ctx)
			values := make([]uint64, max(words(f.typ.Params), words(f.typ.Results)))
			l.words(uint32(stack[0]), f.typ.Params, values, false)
			f.run(ctx, mod, values)
			l.words(uint32(stack[1]), f.typ.Results, values, true)
		}}
}

// words copies values between memory, where a trampoline has them one behind the other, and a
// stack.
func (l *Linker) words(address uint32, types []wasm.ValType, stack []uint64, write bool) {
	next := 0
	for _, t := range types {
		size := shim.ValueSize(t)
		b, ok := l.shared.Mem.At(address, size)
		if !ok {
			panic(ErrOutOfBounds)
		}
		address += size
		if size == 4 && write {
			binary.LittleEndian.PutUint32(b, uint32(stack[next]))
		} else if size == 4 {
			stack[next] = uint64(binary.LittleEndian.Uint32(b))
		}
		for ; size >= 8; size -= 8 {
			if write {
				binary.LittleEndian.PutUint64(b, stack[next])
			} else {
				stack[next] = binary.LittleEndian.Uint64(b)
			}
			b, next = b[8:], next+1
		}
		if size == 4 {
			next++
		}
	}
}

// callback is a Go function that guests call.
type callback struct {
	run api.GoModuleFunc
	typ wasm.FuncType
}
