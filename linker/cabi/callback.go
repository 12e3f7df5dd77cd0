package cabi

import (
	"context"
	"fmt"
	"reflect"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// BindPointer returns the C function that a function pointer points at as a Go function of type F,
// as [Bind] does. What C has behind the pointer shows when it is called: the error is then that of
// [linker.Group.CallPointer], for a pointer that is stale, or of another type.
func BindPointer[F any](g *linker.Group, pointer Pointer) (F, error) {
	var none F
	b := binding{g: g, t: reflect.TypeFor[F]()}
	name := fmt.Sprintf("function pointer %d", pointer)
	params, results, reason := signature(b.t)
	if reason != "" {
		return none, &SignatureError{Symbol: name, Go: b.t, Reason: reason}
	}
	b.invoke = func(ctx context.Context, args ...uint64) ([]uint64, error) {
		return g.CallPointer(ctx, uint32(pointer), params, results, args...)
	}
	return reflect.MakeFunc(b.t, b.call).Interface().(F), nil
}

// NewCallback makes a C function pointer for a Go function of type F: func(context.Context,
// parameters…) (result, error), or only error. Parameters are integers and floats with a size,
// bool, Pointer, or string, which is read from the guest's memory; the result is none of the
// strings. C calls it in any group, so that it may run in several goroutines at once; with its
// context it can call back into the group that has called it ([linker.GroupFromContext]). An error
// that it returns ends the call that led to it, as a trap does, and is wrapped by the error of that
// call.
//
// It is a link operation. [linker.Group.FreeCallback] gives the pointer back, when C has none left.
func NewCallback[F any](ctx context.Context, g *linker.Group, f F) (Pointer, error) {
	t := reflect.TypeFor[F]()
	params, results, reason := signature(t)
	switch {
	case reason != "":
	case len(results) > 0 && t.Out(0).Kind() == reflect.String:
		reason = "its result is a string, which C would have to free: return a Pointer"
	case reflect.ValueOf(f).IsNil():
		reason = "it is nil"
	}
	if reason != "" {
		return 0, &SignatureError{Symbol: "a callback", Go: t, Reason: reason}
	}
	c := callback{f: reflect.ValueOf(f), t: t}
	at, err := g.NewCallback(ctx, api.GoModuleFunc(c.call), params, results)
	return Pointer(at), err
}

// callback is a Go function that C calls.
type callback struct {
	f reflect.Value
	t reflect.Type
}

// call is what the guest calls. It panics with an error, which ends the guest's call.
func (c *callback) call(ctx context.Context, mod api.Module, stack []uint64) {
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < c.t.NumIn(); i++ {
		v, err := decode(linker.GroupFromContext(ctx), stack[i-1], c.t.In(i))
		if err != nil {
			panic(err)
		}
		in = append(in, v)
	}
	out := c.f.Call(in)
	if err, _ := out[len(out)-1].Interface().(error); err != nil {
		panic(err)
	}
	if len(out) == 2 {
		stack[0] = encode(out[0])
	}
}

// signature is the C signature of a Go function type, or why it has none.
func signature(t reflect.Type) (params, results []api.ValueType, reason string) {
	if reason := shape(t); reason != "" {
		return nil, nil, reason
	}
	if t.NumOut() > 2 {
		return nil, nil, "it has more than one result, besides the error"
	}
	for i := 1; i < t.NumIn(); i++ {
		v, ok := wasmType(t.In(i))
		if !ok {
			return nil, nil, fmt.Sprintf("parameter %d is %s, which has no C type", i, t.In(i))
		}
		params = append(params, v)
	}
	if t.NumOut() == 2 {
		v, ok := wasmType(t.Out(0))
		if !ok {
			return nil, nil, fmt.Sprintf("the result is %s, which has no C type", t.Out(0))
		}
		results = append(results, v)
	}
	return params, results, ""
}
