package wasm_test

import (
	"errors"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Instructions of exception handling.
const (
	tryTable, throwRef        = 0x1f, 0x0a
	catchOf, catchAllOf       = 0, 2
	localGet, localSet, calls = 0x20, 0x21, 0x10
	exnBlock, drop, branch    = 0x69, 0x1a, 0x0c
	constant, add             = 0x41, 0x6a
)

// handlerModule builds a module with the function f, of a body with the locals 0, the parameter,
// and 1 to 3. Its function 0 throws its parameter in tag 0, unless that is 0, and returns 1.
func handlerModule(body ...byte) []byte {
	var b wasm.Builder
	unary := b.Type([]wasm.ValType{wasm.I32}, []wasm.ValType{wasm.I32})
	b.ExportTag("tag", b.Tag(b.Type([]wasm.ValType{wasm.I32}, nil)))
	b.Func(unary, nil, new(wasm.Code).LocalGet(0).If().LocalGet(0).Throw(0).End().I32Const(1))
	b.ExportFunc("f", b.Func(unary, []wasm.ValType{wasm.I32, wasm.I32, wasm.I32},
		new(wasm.Code).Raw(body...)))
	return b.Encode()
}

// flat puts bytes and lists of bytes behind each other.
func flat(parts ...any) (all []byte) {
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

// keptCase is a body, and what it returns for a parameter.
type keptCase struct {
	name    string
	body    []byte
	param   uint64
	want    uint64
	changed bool // the body has to be changed
}

func keptCases() []keptCase {
	set := func(local, v int) []byte { return flat(constant, v, localSet, local) }
	throws := func(v int) []byte { return flat(constant, v, calls, 0, drop) }
	try := func(block int, catches []byte, n int, body ...any) []byte {
		return flat(tryTable, block, n, catches, flat(body...), end)
	}
	catch := func(label int) []byte { return flat(catchOf, 0, label) }
	// A block whose body is in a try_table, and that ends with what was caught, or 0.
	caught := func(body ...any) []byte {
		return flat(0x02, i32Block, try(empty, catch(0), 1, body...), constant, 0, end)
	}
	plus := func(local int) []byte { return flat(localGet, local, add) }
	return []keptCase{
		{"set before it throws", flat(set(1, 1), caught(set(1, 20), throws(5)), plus(1)), 0, 25,
			true},
		{"set and thrown by the function itself",
			flat(caught(set(1, 20), constant, 5, throwTag, 0), plus(1)), 0, 25, true},
		{"set twice", flat(caught(set(1, 20), throws(0), set(1, 30), throws(5)), plus(1)), 0, 35,
			true},
		{"set and called in one expression", flat(caught(constant, 0, constant, 20, localSet, 1,
			calls, 0, drop, throws(5)), plus(1)), 0, 25, true},
		{"set behind what throws", flat(set(1, 1), caught(throws(5), set(1, 20)), plus(1)), 0, 6,
			false},
		{"not read by the handler", flat(caught(set(1, 20), throws(5))), 0, 5, false},
		{"set again by the handler", flat(caught(set(1, 20), throws(5)), set(1, 3), plus(1)), 0, 8,
			false},
		{"set for one path of the handler", flat(caught(set(1, 20), throws(5)),
			localGet, 0, 0x04, empty, set(1, 3), end, plus(1)), 0, 25, true},
		{"a parameter", flat(caught(set(0, 20), throws(5)), plus(0)), 7, 25, true},
		{"set on one path", flat(set(1, 1), caught(localGet, 0, 0x04, empty, set(1, 20), end,
			throws(5)), plus(1)), 1, 25, true},
		{"the other path", flat(set(1, 1), caught(localGet, 0, 0x04, empty, set(1, 20), 0x05,
			set(2, 9), end, throws(5)), plus(1)), 0, 6, true},
		{"set in a loop, thrown in its next turn",
			flat(caught(0x03, empty, localGet, 1, constant, 3, 0x46, 0x04, empty, throws(5), end,
				localGet, 1, constant, 1, add, localSet, 1, branch, 0, end), plus(1)), 0, 8, true},
		{"the handler leads back", flat(0x03, empty, 0x02, i32Block,
			try(empty, catch(0), 1, localGet, 1, constant, 3, 0x46, 0x04, empty, localGet, 1, 0x0f,
				end, localGet, 1, constant, 1, add, localSet, 1, throws(5)),
			constant, 0, end, drop, branch, 0, end, localGet, 1), 0, 3, true},
		{"an inner one does not catch it", flat(0x02, i32Block, try(empty, flat(catchOf, 0, 0), 1,
			0x02, empty, try(empty, nil, 0, set(1, 20), throws(5)), end), constant, 0, end,
			plus(1)), 0, 25, true},
		{"the inner handler first", flat(caught(0x02, i32Block,
			try(empty, catch(0), 1, set(1, 20), throws(5)), constant, 0, end,
			plus(1), drop, set(1, 40), throws(6)), plus(1)), 0, 46, true},
		{"caught and thrown again", flat(caught(0x02, exnBlock,
			try(empty, flat(catchAllOf+1, 0), 1, set(1, 20), throws(5)), constant, 0, branch, 2,
			end,
			set(2, 3), throwRef), plus(1), plus(2)), 0, 28, true},
	}
}

// Handlers see variables as they were when the exception was thrown, and bodies in which it makes
// no difference stay as they are.
func TestKeepLocals(t *testing.T) {
	ctx := t.Context()
	for _, tt := range keptCases() {
		t.Run(tt.name, func(t *testing.T) {
			in := handlerModule(tt.body...)
			out, err := wasm.KeepLocals(in, decode(t, in))
			if err != nil {
				t.Fatal(err)
			}
			if changed := &out[0] != &in[0]; changed != tt.changed {
				t.Errorf("changed: %v", changed)
			}
			decode(t, out)
			rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
			defer rt.Close(ctx)
			mod, err := rt.Instantiate(ctx, out)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := mod.ExportedFunction("f").Call(ctx, tt.param); err != nil ||
				got[0] != tt.want {
				t.Errorf("%v, %v, want %d", got, err, tt.want)
			}
		})
	}
}

// A body with many catches around many calls is refused before it is large.
func TestKeepLocalsRefuses(t *testing.T) {
	const many = 3000
	var body []byte
	for range many {
		body = append(body, flat(0x02, i32Block, tryTable, empty, 1, catchOf, 0, 0)...)
	}
	for range many {
		body = append(body, flat(constant, 20, localSet, 1, constant, 0, calls, 0, drop)...)
	}
	for range many {
		body = append(body, flat(end, constant, 0, end, drop)...)
	}
	in := handlerModule(append(body, flat(localGet, 1)...)...)
	limits := wasm.DefaultLimits().AnyCost()
	m, err := wasm.DecodeWithin(in, limits)
	if err != nil {
		t.Fatal(err)
	}
	var refused *wasm.RewriteError
	if out, err := wasm.KeepLocals(in, m); !errors.As(err, &refused) || out != nil {
		t.Errorf("%d bytes of %d, %v", len(out), len(in), err)
	}
}
