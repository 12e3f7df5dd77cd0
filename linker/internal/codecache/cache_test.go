package codecache

import (
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Equal bytes are compiled once, used code is never closed, and idle code goes when it is too much,
// the longest unused first.
func TestCache(t *testing.T) {
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig())
	defer rt.Close(ctx)
	module := func(n int32) []byte {
		var b wasm.Builder
		b.ExportFunc("f", b.Func(b.Type(nil, []wasm.ValType{wasm.I32}), nil,
			new(wasm.Code).I32Const(n)))
		bytes, err := b.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}
	size := Size(module(1), 0)
	c := New(rt, 2*size, 1, 1, Errors{Closed: errors.New("closed"),
		Panicked: func(any) error { return errors.New("panicked") }})
	compile := func(n int32) *Handle {
		t.Helper()
		h, err := c.CompileModule(ctx, module(n))
		if err != nil {
			t.Fatal(err)
		}
		return h.(*Handle)
	}
	closeAll := func(handles ...*Handle) {
		t.Helper()
		for _, h := range handles {
			if err := h.Close(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	one, again := compile(1), compile(1)
	if one.code != again.code {
		t.Error("equal bytes were compiled twice")
	}
	closeAll(one, one)
	if c.size != 0 || again.code.users != 1 {
		t.Errorf("closing a handle twice ended another's use: %d idle bytes, %d users", c.size,
			again.code.users)
	}
	closeAll(again)
	if c.size != size || compile(1).code != one.code || c.size != 0 {
		t.Error("idle code was not used again")
	}
	two, three, four := compile(2), compile(3), compile(4)
	closeAll(two, three)
	if compile(2).code != two.code { // three is the longest unused now
		t.Error("idle code was not used again")
	}
	closeAll(four)
	if len(c.all) != 4 || c.idle.Len() != 2 {
		t.Errorf("%d codes, %d idle", len(c.all), c.idle.Len())
	}
	five := compile(5)
	closeAll(five)
	if c.all[three.code.key] != nil || c.all[four.code.key] == nil || c.size != 2*size {
		t.Error("not the longest unused code was closed")
	}
	if err := c.Close(ctx); err != nil || c.size != 0 || len(c.all) != 2 {
		t.Errorf("after close: %v, %d bytes, %d codes", err, c.size, len(c.all))
	}
	if _, err := c.CompileModule(ctx, []byte("no module")); err == nil || len(c.all) != 2 {
		t.Errorf("what cannot be compiled: %v", err)
	}
}
