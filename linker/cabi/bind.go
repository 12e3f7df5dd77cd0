package cabi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// SignatureError says that a Go function type is not that of a C function.
type SignatureError struct {
	Symbol string
	Go     reflect.Type
	C      string // the signature that the function has; empty where C has none yet
	Reason string
}

// Error implements the error interface.
func (e *SignatureError) Error() string {
	if e.C == "" {
		return fmt.Sprintf("cabi: %s cannot be %s: %s", e.Symbol, e.Go, e.Reason)
	}
	return fmt.Sprintf(
		"cabi: %s is %s, which cannot be called as %s: %s",
		e.Symbol,
		e.C,
		e.Go,
		e.Reason,
	)
}

// Bind returns a C function as a Go function of type F: func(context.Context, parameters…) (result,
// error), or only error. Parameters and the result are integers and floats with a size, bool,
// Pointer, or string; they must be what the function takes, which is checked here, once. A string
// is allocated for the call and freed after it; a string as the result is read, and not freed: it
// is the guest's. The function is called in g, looked up in lib, as by [linker.Group.Func]; its
// errors are those of [linker.Func.Call].
func Bind[F any](
	ctx context.Context,
	g *linker.Group,
	lib *linker.Library,
	name string,
) (F, error) {
	var none F
	f, err := g.Func(ctx, lib, name)
	if err != nil {
		return none, err
	}
	b := binding{invoke: f.Call, g: g, t: reflect.TypeFor[F]()}
	if reason := check(b.t, f.Type()); reason != "" {
		return none, &SignatureError{Symbol: name, Go: b.t, C: f.Type().String(), Reason: reason}
	}
	return reflect.MakeFunc(b.t, b.call).Interface().(F), nil
}

// binding is a function of the guest as a Go function.
type binding struct {
	invoke func(ctx context.Context, args ...uint64) ([]uint64, error)
	g      *linker.Group
	t      reflect.Type
}

// wasmType is what values of a Go type are passed as.
func wasmType(t reflect.Type) (api.ValueType, bool) {
	switch t.Kind() {
	case reflect.Bool,
		reflect.Int8,
		reflect.Int16,
		reflect.Int32,
		reflect.Uint8,
		reflect.Uint16,
		reflect.Uint32,
		reflect.String:
		return api.ValueTypeI32, true
	case reflect.Int64, reflect.Uint64:
		return api.ValueTypeI64, true
	case reflect.Float32:
		return api.ValueTypeF32, true
	case reflect.Float64:
		return api.ValueTypeF64, true
	}
	return 0, false
}

// shape tells why a Go type is not that of a function with a context and an error, or "".
func shape(t reflect.Type) string {
	switch {
	case t.Kind() != reflect.Func || t.IsVariadic():
		return "it is no function type with a fixed number of parameters"
	case t.NumIn() == 0 || t.In(0) != reflect.TypeFor[context.Context]():
		return "its first parameter must be a context.Context"
	case t.NumOut() == 0 || t.Out(t.NumOut()-1) != reflect.TypeFor[error]():
		return "its last result must be an error"
	}
	return ""
}

// check tells why the Go type does not fit, or "".
func check(t reflect.Type, c *linker.FunctionType) string {
	if reason := shape(t); reason != "" {
		return reason
	}
	switch {
	case t.NumIn()-1 != len(c.Params):
		return fmt.Sprintf("it has %d parameters, the function %d", t.NumIn()-1, len(c.Params))
	case t.NumOut()-1 != len(c.Results):
		return fmt.Sprintf("it has %d results, the function %d", t.NumOut()-1, len(c.Results))
	}
	for i, want := range c.Params {
		if got, ok := wasmType(t.In(i + 1)); !ok || got != want {
			return fmt.Sprintf(
				"parameter %d is %s, the function's is %s",
				i+1,
				t.In(i+1),
				api.ValueTypeName(want),
			)
		}
	}
	for i, want := range c.Results {
		if got, ok := wasmType(t.Out(i)); !ok || got != want {
			return fmt.Sprintf(
				"the result is %s, the function's is %s",
				t.Out(i),
				api.ValueTypeName(want),
			)
		}
	}
	return ""
}

// call is the Go function.
func (b *binding) call(in []reflect.Value) []reflect.Value {
	ctx, _ := in[0].Interface().(context.Context)
	out := make([]reflect.Value, b.t.NumOut())
	for i := range out {
		out[i] = reflect.Zero(b.t.Out(i))
	}
	results, err := b.values(ctx, in[1:])
	if err == nil && len(results) == 1 {
		out[0], err = decode(b.g, results[0], b.t.Out(0))
	}
	if err != nil {
		out[len(out)-1] = reflect.ValueOf(&err).Elem()
	}
	return out
}

// values makes the call with what C gets.
func (b *binding) values(ctx context.Context, in []reflect.Value) (results []uint64, err error) {
	args := make([]uint64, len(in))
	for i, v := range in {
		if v.Kind() == reflect.String {
			at, err := NewString(ctx, b.g, v.String())
			if err != nil {
				return nil, err
			}
			defer func() {
				if failed := Free(ctx, b.g, at); failed != nil {
					results, err = nil, errors.Join(err, failed)
				}
			}()
			args[i] = uint64(at)
			continue
		}
		args[i] = encode(v)
	}
	return b.invoke(ctx, args...)
}

func encode(v reflect.Value) uint64 {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			return 1
		}
		return 0
	case reflect.Float32:
		return uint64(math.Float32bits(float32(v.Float())))
	case reflect.Float64:
		return math.Float64bits(v.Float())
	case reflect.Int64:
		return uint64(v.Int())
	case reflect.Int8, reflect.Int16, reflect.Int32:
		return uint64(uint32(v.Int())) // sign-extended to 32 bits
	}
	return v.Uint()
}

// decode is what Go gets for a word of the guest's.
func decode(g *linker.Group, word uint64, t reflect.Type) (reflect.Value, error) {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.String:
		text, err := String(g, Pointer(word))
		v.SetString(text)
		return v, err
	case reflect.Bool:
		v.SetBool(uint32(word) != 0)
	case reflect.Float32:
		v.SetFloat(float64(math.Float32frombits(uint32(word))))
	case reflect.Float64:
		v.SetFloat(math.Float64frombits(word))
	case reflect.Int64:
		v.SetInt(int64(word))
	case reflect.Int8, reflect.Int16, reflect.Int32:
		v.SetInt(int64(int32(word)))
	case reflect.Uint64:
		v.SetUint(word)
	default:
		v.SetUint(uint64(uint32(word)))
	}
	return v, nil
}
