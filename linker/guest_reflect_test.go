package linker_test

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// reflected is a library with functions to be asked for and called: two that are symbols, and one
// that only its own entry of the function table holds.
func reflected(t testing.TB) []byte {
	return library(t, dylink.Info{TableSize: 1}, func(b *wasm.Builder) {
		six := b.Type(slices.Repeat([]wasm.ValType{wasm.I32}, 6), i32)
		reflect := b.ImportFunc("wasix_32v1", "reflect_signature", six)
		call := b.ImportFunc("wasix_32v1", "call_dynamic", six)
		functions := b.ImportTable("env", "__indirect_function_table", table(1))
		base := b.ImportGlobal("env", "__table_base", wasm.GlobalType{Type: wasm.I32})
		for name, f := range map[string]uint32{"reflect": reflect, "call": call} {
			var c wasm.Code
			for p := range uint32(6) {
				c.LocalGet(p)
			}
			b.ExportFunc(name, b.Func(six, nil, c.Call(f)))
		}
		var mix, twice, traps, own wasm.Code
		b.ExportFunc("mix", b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I64, wasm.F32, wasm.F64},
			[]wasm.ValType{wasm.F64, wasm.I64, wasm.I32}), nil,
			mix.LocalGet(3).LocalGet(1).LocalGet(0)))
		b.ExportFunc("traps", b.Func(b.Type(nil, nil), nil, traps.Unreachable()))
		b.ActiveFuncs(functions, wasm.ConstGlobal(base),
			b.Func(b.Type(i32, i32), nil, twice.LocalGet(0).LocalGet(0).I32Add()))
		b.ExportFunc("own", b.Func(b.Type(nil, i32), nil, own.GlobalGet(base)))
	})
}

// Guests ask for the types of function pointers, and call them with arguments in memory, in every
// group: symbols, closures, and functions that only a module's own element segment names.
func TestWASIXReflection(t *testing.T) {
	const fault, inval, overflow = 21, 28, 61
	first := newImage(t, "main-pie", "threads", nil)
	lib, err := first.g.OpenBytes(first.ctx, "reflected", reflected(t))
	if err != nil {
		t.Fatal(err)
	}
	at := first.call(linker.Default, "malloc", 96)
	types, results, info, values, out := at, at+8, at+16, at+32, at+64
	for _, i := range []*image{first, first.spawn(), first.spawn(), first.spawn()} {
		memory := i.l.Memory()
		read := func(address, n int32) []byte {
			b, ok := memory.Read(uint32(address), uint32(n))
			if !ok {
				t.Fatal("outside of the memory")
			}
			return slices.Clone(b)
		}
		mix, own := int32(i.symbol(lib, "mix")), i.call(lib, "own")
		i.want(0, lib, "reflect", mix, types, 8, results, 8, info)
		if got := read(info, 6); !slices.Equal(got, []byte{1, 0, 4, 0, 3, 0}) {
			t.Errorf("mix: %v", got)
		}
		if a, r := read(types, 4), read(results, 3); !slices.Equal(a, []byte{0, 1, 2, 3}) ||
			!slices.Equal(r, []byte{3, 1, 0}) {
			t.Errorf("mix: %v, %v", a, r)
		}
		i.want(0, lib, "reflect", own, types, 8, results, 8, info)
		if got := read(info, 6); !slices.Equal(got, []byte{1, 0, 1, 0, 1, 0}) {
			t.Errorf("a function that is no symbol: %v", got)
		}
		i.want(overflow, lib, "reflect", mix, types, 3, results, 8, info)
		i.want(overflow, lib, "reflect", mix, types, 4, results, 2, info)
		if got := read(info, 6); !slices.Equal(got, []byte{1, 0, 4, 0, 3, 0}) {
			t.Errorf("mix, without room: %v", got)
		}
		i.want(inval, lib, "reflect", 0, types, 8, results, 8, info)
		i.want(inval, lib, "reflect", 1<<30, types, 8, results, 8, info)
		i.want(fault, lib, "reflect", mix, types, 8, results, 8, -2)
		i.want(fault, lib, "reflect", mix, -2, 8, results, 8, info)

		in := binary.LittleEndian.AppendUint32(nil, 0xfffffffe)
		in = binary.LittleEndian.AppendUint64(in, 1<<40)
		in = binary.LittleEndian.AppendUint32(in, math.Float32bits(0.5))
		in = binary.LittleEndian.AppendUint64(in, math.Float64bits(0.25))
		memory.Write(uint32(values), in)
		want := binary.LittleEndian.AppendUint64(nil, math.Float64bits(0.25))
		want = binary.LittleEndian.AppendUint64(want, 1<<40)
		want = binary.LittleEndian.AppendUint32(want, 0xfffffffe)
		i.want(0, lib, "call", mix, values, 24, out, 20, 1)
		if got := read(out, 20); !slices.Equal(got, want) {
			t.Errorf("mix returns %v, want %v", got, want)
		}
		memory.Write(uint32(out), make([]byte, 24))
		i.want(0, lib, "call", mix, values, 12, out, 24, 0) // what is not there is 0
		if got := read(out, 20); !slices.Equal(got[8:], want[8:]) ||
			!slices.Equal(got[:8], make([]byte, 8)) {
			t.Errorf("mix of two arguments returns %v", got)
		}
		for _, bad := range [][]int32{{mix, values, 23, out, 20, 1}, {mix, values, 25, out, 20, 1},
			{mix, values, 24, out, 19, 1}, {mix, values, 24, out, 21, 1},
			{0, values, 0, out, 0, 1}} {
			i.want(inval, lib, "call", bad...)
		}
		i.want(fault, lib, "call", mix, -2, 24, out, 20, 1)
		i.want(fault, lib, "call", mix, values, 24, -2, 20, 1)
		i.want(0, lib, "call", own, values, 4, out, 4, 1)
		if got := int32(binary.LittleEndian.Uint32(read(out, 4))); got != -4 {
			t.Errorf("twice -2 is %d", got)
		}
		_, err := i.try(lib, "call", int32(i.symbol(lib, "traps")), 0, 0, 0, 0, 1)
		if err == nil || !strings.Contains(err.Error(), "unreachable") {
			t.Errorf("a function that traps: %v", err)
		}
	}
	// A closure's type can change.
	closures := first.open("closure")
	data := first.call(linker.Default, "malloc", 4)
	closure := first.call(closures, "closure_sum", data)
	first.want(0, lib, "reflect", closure, types, 8, results, 8, info)
	if b, _ := first.l.Memory().Read(uint32(info), 6); !slices.Equal(b, []byte{0, 0, 4, 0, 2, 0}) {
		t.Errorf("a closure: %v", b)
	}
}

// Vectors are 16 bytes among arguments and results, in every group.
func TestWASIXCallsVectors(t *testing.T) {
	first := newImage(t, "main-pie", "threads", nil)
	lib, err := first.g.OpenBytes(first.ctx, "vectors", library(t, dylink.Info{}, func(
		b *wasm.Builder) {
		six := b.Type(slices.Repeat([]wasm.ValType{wasm.I32}, 6), i32)
		reflect := b.ImportFunc("wasix_32v1", "reflect_signature", six)
		call := b.ImportFunc("wasix_32v1", "call_dynamic", six)
		for name, f := range map[string]uint32{"reflect": reflect, "call": call} {
			var c wasm.Code
			for p := range uint32(6) {
				c.LocalGet(p)
			}
			b.ExportFunc(name, b.Func(six, nil, c.Call(f)))
		}
		var c wasm.Code // the number first, and the vector with the number in each half added
		c.LocalGet(0).LocalGet(1).LocalGet(0).Raw(0xfd, 0x12 /* i64x2.splat */)
		b.ExportFunc("more", b.Func(b.Type([]wasm.ValType{wasm.I64, wasm.V128},
			[]wasm.ValType{wasm.I64, wasm.V128}), nil, c.Raw(0xfd, 0xce, 0x01 /* i64x2.add */)))
	}))
	if err != nil {
		t.Fatal(err)
	}
	const inval = 28
	at := first.call(linker.Default, "malloc", 96)
	values, out := at, at+32
	for _, i := range []*image{first, first.spawn(), first.spawn()} {
		memory := i.l.Memory()
		more := int32(i.symbol(lib, "more"))
		i.want(0, lib, "reflect", more, values, 2, values+8, 2, out)
		if got, ok := memory.Read(uint32(values), 2); !ok || !slices.Equal(got, []byte{1, 4}) {
			t.Errorf("the types are %v", got)
		}
		in := binary.LittleEndian.AppendUint64(nil, 5)
		in = binary.LittleEndian.AppendUint64(in, math.MaxUint64)
		in = binary.LittleEndian.AppendUint64(in, 1<<40)
		memory.Write(uint32(values), in)
		i.want(0, lib, "call", more, values, 24, out, 24, 1)
		want := binary.LittleEndian.AppendUint64(nil, 5)
		want = binary.LittleEndian.AppendUint64(want, 4)
		want = binary.LittleEndian.AppendUint64(want, 1<<40+5)
		if got, ok := memory.Read(uint32(out), 24); !ok || !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		i.want(inval, lib, "call", more, values, 16, out, 24, 1) // half a vector
		i.want(inval, lib, "call", more, values, 24, out, 16, 1)
	}
}
