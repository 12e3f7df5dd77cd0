package wasm

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// Each instruction is read to its end: the next one is found.
func TestWalkInstructions(t *testing.T) {
	const nop = 0x01
	for _, tt := range []struct {
		name string
		code []byte
	}{
		{"block", []byte{0x02, 0x40}},
		{"block of a type index", []byte{0x02, 0x80, 0x01}},
		{"loop", []byte{0x03, 0x7f}},
		{"legacy try", []byte{0x06, 0x40}},
		{"legacy catch", []byte{0x07, 0x05}},
		{"throw", []byte{0x08, 0x05}},
		{"throw_ref", []byte{0x0a}},
		{"br_table", []byte{0x0e, 0x03, 0x01, 0x02, 0x80, 0x01, 0x00}},
		{"br_table of nothing", []byte{0x0e, 0x00, 0x05}},
		{"call", []byte{0x10, 0x80, 0x80, 0x01}},
		{"call_indirect", []byte{0x11, 0x05, 0x80, 0x00}},
		{"return_call", []byte{0x12, 0x05}},
		{"return_call_indirect", []byte{0x13, 0x05, 0x00}},
		{"delegate", []byte{0x18, 0x05}},
		{"select with types", []byte{0x1c, 0x01, 0x7f}},
		{"try_table", []byte{0x1f, 0x40, 0x04, 0x00, 0x05, 0x06, 0x01, 0x05, 0x06, 0x02, 0x06, 0x03,
			0x06}},
		{"table.get", []byte{0x25, 0x05}},
		{"i32.load", []byte{0x28, 0x02, 0x80, 0x01}},
		{"i32.load of a memory", []byte{0x28, 0x42, 0x05, 0x80, 0x01}},
		{"memory.size", []byte{0x3f, 0x00}},
		{"i32.const", []byte{0x41, 0xff, 0xff, 0xff, 0xff, 0x07}},
		{"i64.const", []byte{0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f}},
		{"f32.const", []byte{0x43, 0xfe, 0x01, 0xfe, 0x01}},
		{"f64.const", []byte{0x44, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01, 0xfe, 0x01}},
		{"ref.null", []byte{0xd0, 0x70}},
		{"ref.func", []byte{0xd2, 0x05}},
		{"trunc_sat", []byte{0xfc, 0x07}},
		{"memory.init", []byte{0xfc, 0x08, 0x05, 0x00}},
		{"table.fill", []byte{0xfc, 0x11, 0x05}},
		{"v128.load", []byte{0xfd, 0x00, 0x04, 0x05}},
		{"v128.const", append([]byte{0xfd, 0x0c}, bytes.Repeat([]byte{0xfe}, 16)...)},
		{"i8x16.shuffle", append([]byte{0xfd, 0x0d}, bytes.Repeat([]byte{0x0b}, 16)...)},
		{"i8x16.extract_lane", []byte{0xfd, 0x15, 0x0f}},
		{"v128.load8_lane", []byte{0xfd, 0x54, 0x00, 0x05, 0x0f}},
		{"v128.load32_zero", []byte{0xfd, 0x5c, 0x00, 0x05}},
		{"relaxed SIMD", []byte{0xfd, 0x80, 0x02}},
		{"atomic.notify", []byte{0xfe, 0x00, 0x02, 0x05}},
		{"atomic.fence", []byte{0xfe, 0x03, 0x00}},
		{"atomic.rmw", []byte{0xfe, 0x4e, 0x02, 0x05}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var seen []instruction
			body := append(append([]byte{0x01, 0x02, 0x7f}, tt.code...), nop)
			if err := walk(body, func(i instruction) { seen = append(seen, i) }); err != nil {
				t.Fatal(err)
			}
			if len(seen) != 2 || seen[0].opcode != tt.code[0] || seen[0].start != 3 ||
				seen[0].end != 3+len(tt.code) || seen[1].opcode != nop {
				t.Errorf("instructions: %+v", seen)
			}
		})
	}
	for _, code := range [][]byte{{0x16}, {0xc5}, {0xff}, {0xfc, 0x12}, {0xfe, 0x04}, {0xfe, 0x4f},
		{0x41}, {0x44, 0x00}, {0x0e, 0xff, 0xff, 0xff, 0xff, 0x0f},
		{0x1c, 0xff, 0xff, 0xff, 0xff, 0x0f}} {
		if err := walk(append([]byte{0x00}, code...), func(instruction) {}); err == nil {
			t.Errorf("% x: no error", code)
		}
	}
}

// The blocks of every function that a compiler made are closed by its last byte, and by no other.
func TestWalkFixtures(t *testing.T) {
	files, err := filepath.Glob("../../testdata/*/*.wasm")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		s, ok := m.Section(SectionCode)
		if !ok {
			continue
		}
		r := leb.NewReader(b[s.Payload:s.End])
		for n := r.U32("count"); n > 0; n-- {
			body, depth, end := r.Bytes(r.U32("size"), "body"), 1, 0
			err := walk(body, func(i instruction) {
				switch i.opcode {
				case 0x02, 0x03, 0x04, 0x06, 0x1f:
					depth++
				case 0x0b, 0x18:
					if depth--; depth == 0 && end == 0 {
						end = i.end
					}
				}
			})
			if err != nil || depth != 0 || end != len(body) {
				t.Errorf("%s: %v, depth %d, end at %d of %d", file, err, depth, end, len(body))
			}
		}
	}
}

// waiter is a module with all three instructions, at an offset; shared says what its memory is.
func waiter(t testing.TB, shared bool) []byte {
	var b Builder
	b.ExportMemory("memory", b.Memory(1, 1, shared))
	i32, i64 := I32, I64
	three := b.Type([]ValType{i32, i32, i64}, []ValType{i32})
	access := func(op, align byte) []byte { return []byte{0xfe, op, align, 0x08} }
	b.ExportFunc("wait32",
		b.Func(three, nil, new(Code).LocalGet(0).LocalGet(1).LocalGet(2).Raw(access(1, 2)...)))
	b.ExportFunc("wait64", b.Func(b.Type([]ValType{i32, i64, i64}, []ValType{i32}), nil,
		new(Code).LocalGet(0).LocalGet(1).LocalGet(2).Raw(access(2, 3)...)))
	b.ExportFunc("notify", b.Func(b.Type([]ValType{i32, i32}, []ValType{i32}), nil,
		new(Code).LocalGet(0).LocalGet(1).Raw(access(0, 2)...)))
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

// With an empty table, a module does what it did.
func TestHookWaitsWithoutHooks(t *testing.T) {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx,
		wazero.NewRuntimeConfig().WithCoreFeatures(
			api.CoreFeaturesV2|experimental.CoreFeaturesThreads))
	defer rt.Close(ctx)
	b, hooked, err := HookWaits(waiter(t, true), "hooks")
	if err != nil || !hooked {
		t.Fatal(hooked, err)
	}
	mod, err := rt.Instantiate(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	mod.Memory().WriteUint32Le(24, 5)
	for _, tt := range []struct {
		name string
		args []uint64
		want uint64
	}{
		{"wait32", []uint64{16, 6, 1 << 40}, 1},
		{"wait32", []uint64{16, 5, 0}, 2},
		{"wait64", []uint64{16, 6, 1 << 40}, 1},
		{"wait64", []uint64{16, 5, 0}, 2},
		{"notify", []uint64{16, 100}, 0},
	} {
		r, err := mod.ExportedFunction(tt.name).Call(ctx, tt.args...)
		if err != nil || r[0] != tt.want {
			t.Errorf("%s%v: %v, %v, want %d", tt.name, tt.args, r, err, tt.want)
		}
	}
	for _, address := range []uint64{1<<32 - 8, 1<<32 - 16, 65536, 2} {
		if _, err := mod.ExportedFunction("wait32").Call(ctx, address, 0, 0); err == nil {
			t.Errorf("wait at %#x: no trap", address)
		}
	}
}

func TestHookWaitsLeavesOthersAlone(t *testing.T) {
	for name, b := range map[string][]byte{"not shared": waiter(t, false),
		"empty": {0, 0x61, 0x73, 0x6d, 1, 0, 0, 0}} {
		if out, hooked, err := HookWaits(b, "hooks"); hooked || err != nil || !bytes.Equal(out, b) {
			t.Errorf("%s: %t, %v", name, hooked, err)
		}
	}
	var taken *RewriteError
	if _, _, err := HookWaits(waiter(t, true), "wait32"); !errors.As(err, &taken) {
		t.Errorf("a name that is taken: %v", err)
	}
	var format *FormatError
	if _, _, err := HookWaits([]byte{0xfe, 0x00, 0x00}, "hooks"); !errors.As(err, &format) {
		t.Errorf("no module: %v", err)
	}
}
