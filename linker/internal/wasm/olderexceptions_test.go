package wasm_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Instructions of the older exception handling, and the tag 0 of an i32.
const (
	olderTry, olderCatch, olderCatchAll, olderDelegate, olderRethrow = 0x06, 0x07, 0x19, 0x18, 0x09
	throwTag, empty, i32Block, end                                   = 0x08, 0x40, 0x7f, 0x0b
)

// olderModule builds a module whose function f has a body, of type () -> i32; caught calls it and
// returns what it throws, plus 10000.
func olderModule(t *testing.T, body ...byte) []byte {
	t.Helper()
	var b wasm.Builder
	result := b.Type(nil, []wasm.ValType{wasm.I32})
	b.ExportTag("tag", b.Tag(b.Type([]wasm.ValType{wasm.I32}, nil)))
	f := b.Func(result, []wasm.ValType{wasm.I64}, new(wasm.Code).Raw(body...))
	b.ExportFunc("f", f)
	b.ExportFunc("caught",
		b.Func(result, nil, new(wasm.Code).Raw(olderTry, i32Block).Call(f).Raw(olderCatch, 0).
			I32Const(10000).I32Add().Raw(end)))
	return b.Encode()
}

// What is translated does what the older instructions mean: delegates that pass over a try, to a
// try or to the caller, rethrows of whichever exception, tries without a catch.
func TestTranslateExceptions(t *testing.T) {
	throws := func(v byte) []byte { return []byte{0x41, v, throwTag, 0} }
	code := func(parts ...any) (all []byte) {
		for _, p := range parts {
			switch p := p.(type) {
			case int:
				all = append(all, byte(p))
			case []byte:
				all = append(all, p...)
			}
		}
		return all
	}
	plus := []byte{0x41, 0xe4, 0x00, 0x6a} // 100 more
	tests := []struct {
		name string
		body []byte
		want uint64
	}{
		{"no catch", code(olderTry, i32Block, 0x41, 9, end), 9},
		{"a catch", code(olderTry, i32Block, throws(7), olderCatch, 0, plus, end), 107},
		{"a catch of all", code(olderTry, i32Block, throws(7), olderCatchAll, 0x41, 5, end), 5},
		{"the first that fits",
			code(olderTry, i32Block, throws(7), olderCatch, 0, olderCatchAll, 0x41, 5, end), 7},
		{"what nobody catches", code(throws(7)), 10007},
		{"rethrown", code(olderTry, i32Block, throws(7), olderCatch, 0, 0x1a, olderRethrow, 0, end),
			10007},
		{"the outer one rethrown",
			code(olderTry, i32Block, olderTry, i32Block, throws(3), olderCatch, 0, 0x1a,
				olderTry, i32Block, throws(5), olderCatch, 0, 0x1a, olderRethrow, 1, end, end,
				olderCatch, 0, plus, end), 103},
		{"the inner one rethrown",
			code(olderTry, i32Block, olderTry, i32Block, throws(3), olderCatch, 0, 0x1a,
				olderTry, i32Block, throws(5), olderCatch, 0, 0x1a, olderRethrow, 0, end, end,
				olderCatch, 0, plus, end), 105},
		{"delegated to what is around",
			code(olderTry, i32Block, olderTry, empty, throws(7), olderDelegate, 0, 0x41, 1,
				olderCatch, 0, plus, end), 107},
		{"delegated over a try",
			code(olderTry, i32Block, olderTry, i32Block, olderTry, empty, throws(7), olderDelegate,
				1, 0x41, 1, olderCatch, 0, 0x1a, 0x41, 2, end, olderCatch, 0, plus, end), 107},
		{"delegated to the caller",
			code(olderTry, i32Block, olderTry, empty, throws(7), olderDelegate, 1, 0x41, 1,
				olderCatch, 0, 0x1a, 0x41, 2, end), 10007},
		{"delegated to a block",
			code(olderTry, i32Block, 0x02, i32Block, olderTry, i32Block, olderTry, empty, throws(7),
				olderDelegate, 1, 0x41, 1, olderCatch, 0, 0x1a, 0x41, 2, end, end, olderCatch, 0,
				plus,
				end), 107},
		{"delegated twice",
			code(olderTry, i32Block, olderTry, i32Block, olderTry, empty, olderTry, i32Block,
				olderTry, empty, throws(7), olderDelegate, 1, 0x41, 1, olderCatch, 0, 0x1a, 0x41, 2,
				end, 0x1a,
				olderDelegate, 1, 0x41, 3,
				olderCatch, 0, 0x1a, 0x41, 4, end, olderCatch, 0, plus, end), 107},
		{"delegated from a catch",
			code(olderTry, i32Block, olderTry, i32Block, throws(3), olderCatch, 0, 0x1a,
				olderTry, empty, throws(7), olderDelegate, 0, 0x41, 1, end, olderCatch, 0, plus,
				end),
			107},
		{"nothing thrown where a delegate leads",
			code(olderTry, i32Block, olderTry, i32Block, olderTry, empty, olderDelegate, 1, 0x41, 1,
				olderCatch, 0, end, olderCatch, 0, plus, end), 1},
		{"branches out of a body and a catch",
			code(0x02, i32Block, olderTry, i32Block, 0x41, 6, 0x41, 1, 0x0d, 1, 0x1a, throws(7),
				olderCatch, 0, 0x0c, 1, end, 0x1a, 0x41, 8, end), 6},
		{"branches to the try",
			code(olderTry, i32Block, throws(7), olderCatch, 0, 0x0c, 0, olderCatchAll, 0x41, 5,
				end), 7},
	}
	ctx := t.Context()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
			defer rt.Close(ctx)
			in := olderModule(t, tt.body...)
			out, err := wasm.TranslateExceptions(in, decode(t, in))
			if err != nil {
				t.Fatal(err)
			}
			if m := decode(t, out); m.OlderExceptions {
				t.Error("something is left")
			}
			mod, err := rt.Instantiate(ctx, out)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := mod.ExportedFunction("caught").Call(ctx); err != nil ||
				got[0] != tt.want {
				t.Errorf("%v, %v, want %d", got, err, tt.want)
			}
		})
	}
}

// What has nothing to translate stays as it is, and what no toolchain writes is refused.
func TestTranslateExceptionsRefuses(t *testing.T) {
	var b wasm.Builder
	b.ExportFunc("f", b.Func(b.Type(nil, nil), nil, new(wasm.Code)))
	plain := b.Encode()
	if plain == nil {
		t.Fatal("no module")
	}
	if out, err := wasm.TranslateExceptions(plain, decode(t, plain)); err != nil ||
		!bytes.Equal(out, plain) {
		t.Errorf("a plain module: %v", err)
	}
	for name, body := range map[string][]byte{
		"both kinds": {olderTry, empty, olderCatchAll, end, 0x1f, empty, 0, end, 0x41, 1},
		"parameters": {0x41, 1, olderTry, 2, 0x1a, olderCatchAll, end, 0x41, 1},
	} {
		var b wasm.Builder
		result := b.Type(nil, []wasm.ValType{wasm.I32})
		b.Tag(b.Type(nil, nil))
		b.Type([]wasm.ValType{wasm.I32}, nil)
		b.ExportFunc("f", b.Func(result, nil, new(wasm.Code).Raw(body...)))
		in := b.Encode()
		var refused *wasm.RewriteError
		if _, err := wasm.TranslateExceptions(in, decode(t, in)); !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
