package cabi_test

import (
	"context"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/cabi"
)

// open links a libc, and opens the library of this folder.
func open(t *testing.T) (*linker.Group, *linker.Library) {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	t.Cleanup(func() { rt.Close(ctx) })
	l, err := libraries.LinkLibc(ctx, rt, linker.NewConfig().WithFS(os.DirFS("testdata")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(ctx) })
	lib, err := l.Main().Open(ctx, "types.wasm")
	if err != nil {
		t.Fatal(err)
	}
	return l.Main(), lib
}

func bind[F any](t *testing.T, g *linker.Group, lib *linker.Library, name string) F {
	t.Helper()
	f, err := cabi.Bind[F](t.Context(), g, lib, name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// mixed is struct mixed of types.c.
type mixed struct {
	A int8
	B int16
	C bool
	D float64
	E [3]uint32
	F struct {
		X uint8
		Y int64
	}
	Name cabi.Pointer
}

// Values of every kind go to C and come back; a struct that C has made is the one that Go reads.
func TestBind(t *testing.T) {
	ctx := t.Context()
	g, lib := open(t)
	check := func(name string, got, want any, err error) {
		t.Helper()
		if err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
	sum, err := bind[func(context.Context, int32, int32) (int32, error)](
		t,
		g,
		lib,
		"add",
	)(
		ctx,
		-2,
		5,
	)
	check("add", sum, int32(3), err)
	twice, err := bind[func(context.Context, int64) (int64, error)](
		t,
		g,
		lib,
		"twice64",
	)(
		ctx,
		-1<<40,
	)
	check("twice64", twice, int64(-1<<41), err)
	large, err := bind[func(context.Context) (uint64, error)](t, g, lib, "large")(ctx)
	check("large", large, uint64(1<<64-1), err)
	half, err := bind[func(context.Context, float32) (float32, error)](t, g, lib, "half")(ctx, -3)
	check("half", half, float32(-1.5), err)
	scaled, err := bind[func(context.Context, float64, int32) (float64, error)](
		t,
		g,
		lib,
		"scaled",
	)(
		ctx,
		0.5,
		-4,
	)
	check("scaled", scaled, float64(-2), err)
	even, err := bind[func(context.Context, int32) (bool, error)](t, g, lib, "is_even")(ctx, -4)
	check("is_even", even, true, err)
	minus, err := bind[func(context.Context, int8) (int8, error)](t, g, lib, "minus")(ctx, 100)
	check("minus", minus, int8(-100), err)
	byteOf, err := bind[func(context.Context, uint8) (uint8, error)](t, g, lib, "byte_of")(ctx, 255)
	check("byte_of", byteOf, uint8(255), err)
	n, err := bind[func(context.Context, string) (uint32, error)](t, g, lib, "length")(ctx, "größe")
	check("length", n, uint32(7), err)
	version, err := bind[func(context.Context) (string, error)](t, g, lib, "version")(ctx)
	check("version", version, "1.2 ü", err)
	loud, err := bind[func(context.Context, string) (cabi.Pointer, error)](
		t,
		g,
		lib,
		"shout",
	)(
		ctx,
		"hello",
	)
	if err != nil {
		t.Fatal(err)
	}
	text, err := cabi.String(g, loud)
	check("shout", text, "hello!", err)
	if err := cabi.Free(ctx, g, loud); err != nil {
		t.Error(err)
	}
	if err := bind[func(context.Context) error](t, g, lib, "nothing")(ctx); err != nil {
		t.Error(err)
	}
	if err := bind[func(context.Context) error](t, g, lib, "crash")(ctx); err == nil ||
		!strings.Contains(err.Error(), "unreachable") {
		t.Errorf("a trap: %v", err)
	}
	if _, err := bind[func(context.Context, string) (uint32, error)](t, g, lib, "length")(ctx,
		"a\x00b"); !errors.Is(
		err,
		cabi.ErrNull,
	) {
		t.Errorf("a string with a null byte: %v", err)
	}
}

func TestStructs(t *testing.T) {
	ctx := t.Context()
	g, lib := open(t)
	want := mixed{A: -1, B: -300, C: true, D: 2.5, E: [3]uint32{1, 2, 1<<32 - 1}}
	want.F.X, want.F.Y = 200, -5
	size, err := bind[func(context.Context) (int32, error)](t, g, lib, "mixed_size")(ctx)
	if got, sizeErr := cabi.Size[mixed](); err != nil || sizeErr != nil || int32(got) != size {
		t.Errorf("the size is %d, C's is %d (%v, %v)", got, size, sizeErr, err)
	}
	at, err := bind[func(context.Context, string) (cabi.Pointer, error)](
		t,
		g,
		lib,
		"mixed_new",
	)(
		ctx,
		"its name",
	)
	if err != nil {
		t.Fatal(err)
	}
	got, err := cabi.Read[mixed](g, at)
	if err != nil {
		t.Fatal(err)
	}
	if name, err := cabi.String(g, got.Name); err != nil || name != "its name" {
		t.Errorf("the name is %q, %v", name, err)
	}
	name := got.Name
	got.Name = 0
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	got.E[2], got.F.Y, got.D, got.Name = 7, 1000, 0.25, name
	if err := cabi.Write(g, at, got); err != nil {
		t.Fatal(err)
	}
	sum, err := bind[func(context.Context, cabi.Pointer) (float64, error)](
		t,
		g,
		lib,
		"mixed_sum",
	)(
		ctx,
		at,
	)
	if wanted := -1 - 300 + 1 + 0.25 + 1 + 2 + 7 + 200 + 1000; err != nil || sum != wanted {
		t.Errorf("C's sum of what Go has written is %v, %v; want %v", sum, err, wanted)
	}
	if err := bind[func(context.Context, cabi.Pointer) error](t, g, lib, "mixed_free")(ctx,
		at); err != nil {
		t.Error(err)
	}
}

// A Go type that does not fit is an error when it is bound, which says what does not fit.
func TestBindRefuses(t *testing.T) {
	g, lib := open(t)
	refuse := func(err error, want string) {
		t.Helper()
		var se *cabi.SignatureError
		if !errors.As(err, &se) || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "add is (i32, i32) -> (i32)") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	ctx := t.Context()
	_, err := cabi.Bind[func(context.Context, int32) (int32, error)](ctx, g, lib, "add")
	refuse(err, "it has 1 parameters, the function 2")
	_, err = cabi.Bind[func(context.Context, int32, int64) (int32, error)](ctx, g, lib, "add")
	refuse(err, "parameter 2 is int64, the function's is i32")
	_, err = cabi.Bind[func(context.Context, int32, int32) (float32, error)](ctx, g, lib, "add")
	refuse(err, "the result is float32, the function's is i32")
	_, err = cabi.Bind[func(context.Context, int32, int32) error](ctx, g, lib, "add")
	refuse(err, "it has 0 results, the function 1")
	_, err = cabi.Bind[func(int32, int32) (int32, error)](ctx, g, lib, "add")
	refuse(err, "first parameter must be a context.Context")
	_, err = cabi.Bind[func(context.Context, int32, int32) int32](ctx, g, lib, "add")
	refuse(err, "last result must be an error")
	_, err = cabi.Bind[int](ctx, g, lib, "add")
	refuse(err, "it is no function type")
	_, err = cabi.Bind[func(context.Context, ...int32) (int32, error)](ctx, g, lib, "add")
	refuse(err, "it is no function type with a fixed number")
	if _, err := cabi.Bind[func(context.Context) error](ctx, g, lib, "absent"); !errors.As(
		err,
		new(*linker.UndefinedSymbolError),
	) {
		t.Errorf("an absent function: %v", err)
	}
}

// What does not lie in the memory is an error.
func TestAddresses(t *testing.T) {
	ctx := t.Context()
	g, _ := open(t)
	end := cabi.Pointer(g.Memory().Size())
	outside := func(what string, err error) {
		t.Helper()
		if !errors.As(err, new(*cabi.AddressError)) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := cabi.Read[uint64](g, end-4)
	outside("a word across the end", err)
	_, err = cabi.Read[uint8](g, end)
	outside("a byte behind the end", err)
	outside("writing behind the end", cabi.Write(g, end-1, uint16(1)))
	if err := cabi.Put(g, end-3, []byte("abc")); err != nil {
		t.Fatal(err)
	}
	_, err = cabi.String(g, end-3)
	outside("a string without an end", err)
	if text, err := cabi.String(g, 0); text != "" || err != nil {
		t.Errorf("the null pointer: %q, %v", text, err)
	}
	if _, err := cabi.Alloc(ctx, g, 3<<30); !errors.Is(err, cabi.ErrMemory) {
		t.Errorf("3 GiB: %v", err)
	}
	long := strings.Repeat("x", 3*4096+5)
	at, err := cabi.NewString(ctx, g, long)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := cabi.String(g, at); text != long || err != nil {
		t.Errorf("a long string has %d bytes, %v", len(text), err)
	}
	var te *cabi.TypeError
	if _, err := cabi.Read[int](g, at); !errors.As(err, &te) {
		t.Errorf("int: %v", err)
	}
	if err := cabi.Write(g, at, struct{ S []byte }{}); !errors.As(err, &te) {
		t.Errorf("a slice: %v", err)
	}
}
