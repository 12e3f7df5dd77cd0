package cabi_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/cabi"
)

// words puts C strings into an array of pointers.
func words(t *testing.T, g *linker.Group, list ...string) cabi.Pointer {
	t.Helper()
	at, err := cabi.Alloc(t.Context(), g, uint32(4*len(list)))
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range list {
		s, err := cabi.NewString(t.Context(), g, w)
		if err != nil {
			t.Fatal(err)
		}
		if err := cabi.Write(g, at+cabi.Pointer(4*i), s); err != nil {
			t.Fatal(err)
		}
	}
	return at
}

// C's qsort sorts by a Go function, which reads the guest's memory.
func TestCallbackSorts(t *testing.T) {
	ctx := t.Context()
	g, lib := open(t)
	compare, err := cabi.NewCallback(ctx, g,
		func(ctx context.Context, a, b cabi.Pointer) (int32, error) {
			var text [2]string
			for i, at := range []cabi.Pointer{a, b} {
				s, err := cabi.Read[cabi.Pointer](linker.GroupFromContext(ctx), at)
				if err != nil {
					return 0, err
				}
				if text[i], err = cabi.String(linker.GroupFromContext(ctx), s); err != nil {
					return 0, err
				}
			}
			return int32(strings.Compare(text[0], text[1])), nil
		})
	if err != nil {
		t.Fatal(err)
	}
	list := words(t, g, "pear", "apple", "plum", "fig")
	sorter := bind[func(context.Context, cabi.Pointer, uint32, cabi.Pointer) error](t, g, lib,
		"sort_words")
	if err := sorter(ctx, list, 4, compare); err != nil {
		t.Fatal(err)
	}
	sorted, err := cabi.Read[[4]cabi.Pointer](g, list)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, at := range sorted {
		s, err := cabi.String(g, at)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s)
	}
	if fmt.Sprint(got) != "[apple fig pear plum]" {
		t.Errorf("%q", got)
	}
	if err := g.FreeCallback(ctx, uint32(compare)); err != nil {
		t.Error(err)
	}
	if err := sorter(ctx, list, 4, compare); err == nil {
		t.Error("a freed callback was called")
	}
}

// Values of every kind arrive, in several groups at once, and an error ends the call.
func TestCallbackValues(t *testing.T) {
	ctx := t.Context()
	g, lib := open(t)
	square, err := cabi.NewCallback(ctx, g,
		func(_ context.Context, x float64) (float64, error) { return x * x, nil })
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	for range 3 {
		thread, err := g.Spawn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		integral := bind[func(context.Context, cabi.Pointer, float64, float64, int32) (float64,
			error)](t, thread, lib, "integral")
		running.Go(func() {
			if got, err := integral(ctx, square, 0, 3, 1000); err != nil ||
				math.Abs(got-9) > 1e-3 {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	running.Wait()

	var told []string
	each, err := cabi.NewCallback(ctx, g,
		func(_ context.Context, name string, value int64, last bool) error {
			told = append(told, fmt.Sprint(name, " ", value, " ", last))
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	tell := bind[func(context.Context, cabi.Pointer) (int32, error)](t, g, lib, "tell")
	if n, err := tell(ctx, each); err != nil || n != 2 ||
		fmt.Sprint(told) != "[one 1 false minus two -2 true]" {
		t.Errorf("%d, %v, %q", n, err, told)
	}
	errEnough := errors.New("enough")
	stops, err := cabi.NewCallback(ctx, g,
		func(context.Context, string, int64, bool) error { return errEnough })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tell(ctx, stops); !errors.Is(err, errEnough) {
		t.Errorf("an error of a callback: %v", err)
	}
	if n, err := tell(ctx, each); err != nil || n != 2 {
		t.Errorf("after an error: %d, %v", n, err)
	}
}

// A function pointer that C returns is called as a Go function.
func TestBindPointer(t *testing.T) {
	ctx := t.Context()
	g, lib := open(t)
	at, err := bind[func(context.Context) (cabi.Pointer, error)](t, g, lib, "adder")(ctx)
	if err != nil {
		t.Fatal(err)
	}
	add, err := cabi.BindPointer[func(context.Context, int32, int32) (int32, error)](g, at)
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := add(ctx, 40, 2); err != nil || sum != 42 {
		t.Errorf("%d, %v", sum, err)
	}
	wrong, err := cabi.BindPointer[func(context.Context, float64) error](g, at)
	if err != nil {
		t.Fatal(err)
	}
	if err := wrong(ctx, 1); !errors.As(err, new(*linker.PointerError)) {
		t.Errorf("another type: %v", err)
	}
}

// What cannot be a callback is refused, with the reason.
func TestCallbackRefuses(t *testing.T) {
	ctx := t.Context()
	g, _ := open(t)
	check := func(what string, err error) {
		t.Helper()
		var wrong *cabi.SignatureError
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	_, err := cabi.NewCallback(ctx, g, func(int32) error { return nil })
	check("context.Context", err)
	_, err = cabi.NewCallback(ctx, g, func(context.Context) {})
	check("must be an error", err)
	_, err = cabi.NewCallback(ctx, g, func(context.Context, int) error { return nil })
	check("parameter 1 is int, which has no C type", err)
	_, err = cabi.NewCallback(ctx, g, func(context.Context) (string, error) { return "", nil })
	check("return a Pointer", err)
	_, err = cabi.NewCallback[func(context.Context) error](ctx, g, nil)
	check("it is nil", err)
	_, err = cabi.NewCallback(ctx, g,
		func(context.Context) (a, b int32, err error) { return 0, 0, nil })
	check("more than one result", err)
	_, err = cabi.BindPointer[int](g, 1)
	check("no function type", err)
}
