package wasm_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// growing are modules of n of something: whatever a few bytes each can ask for.
func growing() map[string]func(b *wasm.Builder, n int) {
	code := func(params, locals []wasm.ValType, body func(c *wasm.Code, n int)) func(*wasm.Builder,
		int) {
		return func(b *wasm.Builder, n int) {
			withMemory(b)
			withTable(b)
			f := b.ImportFunc("env", "f", b.Type(nil, nil))
			b.ImportFunc("env", "many", b.Type(nil, many(100)))
			b.Global(wasm.I32, true, wasm.ConstI32(0))
			var c wasm.Code
			body(&c, n)
			b.ExportFunc("g", b.Func(b.Type(params, nil), locals, &c))
			_ = f
		}
	}
	times := func(each func(c *wasm.Code)) func(c *wasm.Code, n int) {
		return func(c *wasm.Code, n int) {
			for range n {
				each(c)
			}
		}
	}
	return map[string]func(b *wasm.Builder, n int){
		"types": func(b *wasm.Builder, n int) {
			for i := range n {
				list := many(12) // another one for each number
				for k := range list {
					if i>>k&1 != 0 {
						list[k] = wasm.I64
					}
				}
				b.Type(list, list)
			}
		},
		"imports": func(b *wasm.Builder, n int) {
			for i := range n {
				b.ImportFunc("env", fmt.Sprint(i), b.Type(nil, nil))
			}
		},
		"functions, exports, elements": func(b *wasm.Builder, n int) {
			withTable(b)
			for i := range n {
				f := b.Func(b.Type(nil, nil), nil, nil)
				b.ExportFunc(fmt.Sprint(i), f)
				b.ActiveFuncs(0, wasm.ConstI32(0), f)
			}
		},
		"globals": func(b *wasm.Builder, n int) {
			for range n {
				b.Global(wasm.I32, true, wasm.ConstI32(0))
			}
			b.Func(b.Type(nil, nil), nil, new(wasm.Code).GlobalGet(uint32(n-1)).Drop())
		},
		"a constant expression": func(b *wasm.Builder, n int) {
			e := wasm.ConstI32(0)
			for range n {
				e = wasm.Const(wasm.ConstI32Add, e, wasm.ConstI32(1))
			}
			b.Global(wasm.I32, false, e)
		},
		"data segments": func(b *wasm.Builder, n int) {
			withMemory(b)
			for range n {
				b.ActiveData(wasm.ConstI32(0), []byte("x"))
			}
		},
		"groups of locals": func(b *wasm.Builder, n int) {
			var locals []wasm.ValType
			c := new(wasm.Code)
			for i := range n {
				locals = append(locals, []wasm.ValType{wasm.I32, wasm.I64}[i%2])
				c.LocalGet(uint32(i)).Drop()
			}
			b.Func(b.Type(nil, nil), locals, c)
		},
		"blocks in a row": code(i32, nil,
			times(func(c *wasm.Code) { c.Block().LocalGet(0).BrIf(0).End() })),
		"blocks within each other": code(i32, nil, func(c *wasm.Code, n int) {
			times(func(c *wasm.Code) { c.Block().LocalGet(0).BrIf(0) })(c, n)
			times(func(c *wasm.Code) { c.End() })(c, n)
		}),
		"branches outwards": code(i32, nil, func(c *wasm.Code, n int) {
			times(func(c *wasm.Code) { c.Block() })(c, n)
			for i := range n {
				c.LocalGet(0).BrIf(uint32(i))
			}
			times(func(c *wasm.Code) { c.End() })(c, n)
		}),
		"loops": code(i32, nil, func(c *wasm.Code, n int) {
			times(func(c *wasm.Code) { c.Loop().LocalGet(0).BrIf(0) })(c, n)
			times(func(c *wasm.Code) { c.End() })(c, n)
		}),
		"else": code(i32, nil, func(c *wasm.Code, n int) {
			times(func(c *wasm.Code) { c.LocalGet(0).If().Else() })(c, n)
			times(func(c *wasm.Code) { c.End() })(c, n)
		}),
		"branches to one label": code(i32, nil,
			times(func(c *wasm.Code) { c.LocalGet(0).BrIf(0) })),
		"labels of a table": code(i32, nil, func(c *wasm.Code, n int) {
			c.LocalGet(0).Raw(0x0e).Raw(byte(n)|0x80, byte(n>>7)|0x80, byte(n>>14))
			c.Raw(make([]byte, n+1)...)
		}),
		"calls with many results": code(nil, nil,
			times(func(c *wasm.Code) { c.Block().Call(1).Br(0).End() })),
		"calls, globals, waits": code(i32, nil, times(func(c *wasm.Code) {
			c.Call(0).I32Const(1).GlobalSet(0).LocalGet(0).LocalGet(0).I64Const(0).Raw(0xfe, 1, 2,
				0, 0x1a)
		})),
		"catches": code(nil, nil, func(c *wasm.Code, n int) {
			c.Raw(0x1f, 0x40, byte(n)|0x80, byte(n>>7)|0x80, byte(n>>14))
			times(func(c *wasm.Code) { c.Raw(2, 0) })(c, n)
			c.Raw(0x0b)
		}),
	}
}

func many(n int) []wasm.ValType {
	list := make([]wasm.ValType, n)
	for i := range list {
		list[i] = wasm.I32
	}
	return list
}

// TestLinearWork: decoding and rewriting a module of twice the size takes at most a little more
// than twice the steps. What is looked for in a tree or in a sorted list adds a logarithm.
func TestLinearWork(t *testing.T) {
	const size, most = 1000, 2.3
	limits := wasm.DefaultLimits().AnyCost()
	opt := wasm.RewriteOptions{EmptyData: true, ExportStart: "start", Waits: "waits",
		Safepoints: &wasm.Safepoints{Module: "polls", Name: "count", Export: "polls"}}
	for name, fill := range growing() {
		t.Run(name, func(t *testing.T) {
			var work, copied [2]float64
			for i := range work {
				var b wasm.Builder
				fill(&b, size<<i)
				file := b.Encode()
				m, err := wasm.DecodeWithin(file, limits)
				if err != nil {
					t.Fatal(err)
				}
				r, err := wasm.Rewrite(file, m, opt)
				if err != nil {
					t.Fatal(err)
				}
				work[i], copied[i] = float64(m.Work()), float64(r.Work)
			}
			t.Logf("decode %6.0f, %6.0f; rewrite %6.0f, %6.0f", work[0], work[1], copied[0],
				copied[1])
			if work[1] > most*work[0]+100 || copied[1] > most*copied[0]+100 {
				t.Errorf("decode %v, rewrite %v", work, copied)
			}
		})
	}
}
