package linker_test

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// wantSum calls a closure of libclosure that adds up its arguments and what is at an address.
func (i *image) wantSum(closure uint32, data int32) {
	i.Helper()
	r, err := i.g.CallPointer(i.ctx, closure,
		[]api.ValueType{api.ValueTypeI32, api.ValueTypeI64, api.ValueTypeF32, api.ValueTypeF64},
		[]api.ValueType{api.ValueTypeF64, api.ValueTypeI32},
		api.EncodeI32(-1), 1<<40, api.EncodeF32(0.5), api.EncodeF64(0.25))
	if err != nil {
		i.Fatal(err)
	}
	if sum, want := api.DecodeF64(r[0]), float64(data)+1<<40-0.25; sum != want ||
		int32(r[1]) != data {
		i.Errorf("closure: %v, %d, want %v, %d", sum, int32(r[1]), want, data)
	}
}

func TestWASIXClosures(t *testing.T) {
	for _, m := range mains {
		for _, groups := range []int{1, 4} {
			if groups > 1 && !m.groups {
				continue
			}
			t.Run(m.name, func(t *testing.T) {
				i := newImage(t, m.name, m.libs, nil)
				all := []*image{i}
				for range groups - 1 {
					all = append(all, i.spawn())
				}
				lib := i.open("closure")
				data := i.call(linker.Default, "malloc", 4)
				i.call(linker.Default, "poke32", data, 40)
				closure := i.call(lib, "closure_sum", data)
				if closure <= 0 {
					t.Fatalf("error %d", -closure)
				}
				if m.groups {
					all = append(all, i.spawn()) // one that comes later finds it, too
				}
				for _, g := range all {
					for range 1000 { // the stack pointer is put back
						g.wantSum(uint32(closure), 40)
					}
				}
				// Another function in the same entry, of another signature.
				last := all[len(all)-1]
				last.want(0, lib, "closure_set_twice", closure, 3)
				for _, g := range all {
					if got := g.unary(uint32(closure), 20); got != 43 {
						t.Errorf("prepared again: %d", got)
					}
					if got := g.unary(uint32(g.call(lib, "closure_made")), 20); got != 45 {
						t.Errorf("prepared in a constructor: %d", got)
					}
				}
				last.want(0, lib, "closure_give", closure)
				const inval = 28
				i.want(inval, lib, "closure_give", closure)
				i.want(inval, lib, "closure_set_twice", closure, 3)
			})
		}
	}
}

// Entries come from a free list, those of constructors too, so that closures in turn do not make
// the table longer.
func TestWASIXClosuresAreReused(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithPointerQuarantine(50) })
	i.spawn()
	lib := i.open("closure")
	data := i.call(linker.Default, "malloc", 4)
	i.call(linker.Default, "poke32", data, 40)
	i.want(0, lib, "closure_give", i.call(lib, "closure_made"))
	var before []string
	for k := range 300 {
		closure := i.call(lib, "closure_sum", data)
		i.wantSum(uint32(closure), 40)
		i.want(0, lib, "closure_give", closure)
		if k == 100 { // the quarantine is full
			before = i.l.Snapshot(i.ctx)
		}
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("before:\n%v\nafter:\n%v", before, after)
	}
}

// An operation that fails takes back what its constructor prepared.
func TestWASIXClosureTakenBack(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	i.spawn()
	i.open("other")
	before := i.l.Snapshot(i.ctx)
	fails := library(t, dylink.Info{MemorySize: 16}, func(b *wasm.Builder) {
		seven := slices.Repeat([]wasm.ValType{wasm.I32}, 7)
		allocate := b.ImportFunc("wasix_32v1", "closure_allocate", b.Type(i32, i32))
		prepare := b.ImportFunc("wasix_32v1", "closure_prepare", b.Type(seven, i32))
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
		base := b.ImportGlobal("env", "__memory_base", wasm.GlobalType{Type: wasm.I32})
		var c wasm.Code
		c.GlobalGet(base).Call(allocate).Drop()
		c.I32Const(0).GlobalGet(base).I32Load(0).I32Const(0).I32Const(0).I32Const(0).I32Const(
			0).I32Const(0).Call(prepare).Drop()
		b.ExportFunc("__wasm_call_ctors", b.Func(b.Type(nil, nil), nil, c.Unreachable()))
	})
	if _, err := i.g.OpenBytes(i.ctx, "fails", fails); err == nil {
		t.Fatal("the constructor trapped, and nothing failed")
	}
	if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
		t.Errorf("before:\n%v\nafter:\n%v", before, after)
	}
}

// wasixCall is a library that re-exports functions of WASIX, to call them with any arguments.
func wasixCall(t testing.TB) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		names := []struct {
			name   string
			params int
		}{{"dlopen", 8}, {"dlsym", 6}, {"dl_invalid_handle", 1}, {"closure_allocate", 1},
			{"closure_prepare", 7}, {"closure_free", 1}}
		var indices []uint32
		for _, f := range names {
			indices = append(indices,
				b.ImportFunc("wasix_32v1", f.name,
					b.Type(slices.Repeat([]wasm.ValType{wasm.I32}, f.params), i32)))
		}
		for k, f := range names {
			var c wasm.Code
			for p := range f.params {
				c.LocalGet(uint32(p))
			}
			b.ExportFunc("call_"+f.name,
				b.Func(b.Type(slices.Repeat([]wasm.ValType{wasm.I32}, f.params), i32), nil,
					c.Call(indices[k])))
		}
	})
}

func TestWASIXErrors(t *testing.T) {
	const fault, inval, noexec = 21, 28, 45
	i := newImage(t, "main-pie", "threads", nil)
	lib, err := i.g.OpenBytes(i.ctx, "wasix", wasixCall(t))
	if err != nil {
		t.Fatal(err)
	}
	text, out := i.call(linker.Default, "malloc", 64), i.call(linker.Default, "malloc", 4)
	name, symbol := i.cString("libcounter.wasm"), i.cString("counter_next")
	types := i.cString("\x00\x05")
	i.want(0, lib, "call_dlopen", name, 15, 2, text, 64, 0, 0, out)
	handle := i.call(linker.Default, "peek32", out)
	i.want(0, lib, "call_closure_allocate", out)
	closure := i.call(linker.Default, "peek32", out)
	for _, tt := range []struct {
		name string
		want int32
		call string
		args []int32
	}{
		{"a handle", 0, "dl_invalid_handle", []int32{handle}},
		{"the image's handle", 0, "dl_invalid_handle", []int32{i.callHandle(lib, out)}},
		{"no handle", noexec, "dl_invalid_handle", []int32{4711}},
		{"no file", noexec, "dlopen", []int32{symbol, 12, 2, text, 64, 0, 0, out}},
		{"no file, no room for why", noexec, "dlopen", []int32{symbol, 12, 2, text, 0, 0, 0, out}},
		{"no file, why outside", fault, "dlopen", []int32{symbol, 12, 2, -1, 64, 0, 0, out}},
		{"name outside", fault, "dlopen", []int32{-1, 12, 2, text, 64, 0, 0, out}},
		{"result outside", fault, "dlopen", []int32{name, 15, 2, text, 64, 0, 0, -1}},
		{"a symbol", 0, "dlsym", []int32{handle, symbol, 12, text, 64, out}},
		{"no symbol", noexec, "dlsym", []int32{handle, name, 12, text, 64, out}},
		{"symbol's name outside", fault, "dlsym", []int32{handle, -1, 12, text, 64, out}},
		{"symbol's address outside", fault, "dlsym", []int32{handle, symbol, 12, text, 64, -2}},
		{"closure outside", fault, "closure_allocate", []int32{-1}},
		{"a closure", 0, "closure_prepare", []int32{0, closure, types, 1, types, 1, 0}},
		{"no closure", inval, "closure_prepare", []int32{0, 1, types, 1, types, 1, 0}},
		{"no type", inval, "closure_prepare", []int32{0, closure, types, 2, types, 1, 0}},
		{"types outside", fault, "closure_prepare", []int32{0, closure, -1, 2, types, 1, 0}},
		{"too many types", inval, "closure_prepare", []int32{0, closure, 1024, 2000, types, 1, 0}},
		{"not a closure to free", inval, "closure_free", []int32{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := *i
			i.TB = t
			i.want(tt.want, lib, "call_"+tt.call, tt.args...)
		})
	}
	i.want(noexec, lib, "call_dlopen", symbol, 12, 2, text, 16, 0, 0, out)
	if got := i.goString(text); got != "linker: load co" {
		t.Errorf("what went wrong, cut short: %q", got)
	}
}

// callHandle returns the image's own handle.
func (i *image) callHandle(lib *linker.Library, out int32) int32 {
	i.Helper()
	i.want(0, lib, "call_dlopen", 0, 0, 2, out, 0, 0, 0, out)
	return i.call(linker.Default, "peek32", out)
}

// A closure with vectors, to a backing function that copies its arguments to its results.
func TestWASIXClosureOfVectors(t *testing.T) {
	i := newImage(t, "main-pie", "threads", nil)
	lib, err := i.g.OpenBytes(i.ctx, "wasix", wasixCall(t))
	if err != nil {
		t.Fatal(err)
	}
	copies := library(t, dylink.Info{}, func(b *wasm.Builder) {
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
		b.ExportFunc("copy", b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32, wasm.I32}, nil), nil,
			new(wasm.Code).LocalGet(1).LocalGet(0).LocalGet(2).MemoryCopy()))
	})
	if _, err := i.g.OpenBytes(i.ctx, "copies", copies); err != nil {
		t.Fatal(err)
	}
	out, types := i.call(linker.Default, "malloc", 4), i.cString("\x04\x02")
	i.want(0, lib, "call_closure_allocate", out)
	closure := i.call(linker.Default, "peek32", out)
	i.want(0, lib, "call_closure_prepare", int32(i.symbol(linker.Default, "copy")), closure, types,
		2, types, 2, 20)
	v := []api.ValueType{api.ValueType(wasm.V128), api.ValueTypeF32}
	low, high := binary.LittleEndian.Uint64([]byte("vectors ")),
		binary.LittleEndian.Uint64([]byte("are long"))
	r, err := i.g.CallPointer(i.ctx, uint32(closure), v, v, low, high,
		uint64(math.Float32bits(1.5)))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r, []uint64{low, high, uint64(math.Float32bits(1.5))}) {
		t.Errorf("results: %#x", r)
	}
}
