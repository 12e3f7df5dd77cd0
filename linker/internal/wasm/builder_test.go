package wasm_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func TestBuilderTypesAreShared(t *testing.T) {
	var b wasm.Builder
	first, second := b.Type(i32, nil), b.Type(nil, i32)
	if first == second || b.Type([]wasm.ValType{wasm.I32}, nil) != first {
		t.Fatal("types are mixed up or repeated")
	}
	if m := decode(t, build(t, &b)); len(m.Types) != 2 {
		t.Fatalf("%d types", len(m.Types))
	}
}

func TestBuilderErrors(t *testing.T) {
	tests := []struct {
		name  string
		build func(b *wasm.Builder)
		want  string
	}{
		{"late import", func(b *wasm.Builder) {
			b.Func(b.Type(nil, nil), nil, nil)
			b.ImportFunc("env", "f", 0)
		}, `import "env" "f": a func is defined already`},
		{"import kind", func(b *wasm.Builder) { b.Import(wasm.Import{Kind: 7}) }, "kind 7"},
		{"open block", func(b *wasm.Builder) {
			b.Func(b.Type(nil, nil), nil, new(wasm.Code).Block())
		}, "func 0: a block is not closed"},
		{"end too much", func(b *wasm.Builder) {
			b.Func(b.Type(nil, nil), nil, new(wasm.Code).End())
		}, "end without a block"},
		{"lone else", func(b *wasm.Builder) {
			b.Func(b.Type(nil, nil), nil, new(wasm.Code).Else())
		}, "else without if"},
		{"two results", func(b *wasm.Builder) {
			b.Func(b.Type(nil, nil), nil, new(wasm.Code).Block(wasm.I32, wasm.I32).End())
		}, "more than one result"},
		{"mixed segment", func(b *wasm.Builder) {
			b.Element(wasm.Element{Mode: wasm.Passive, Funcs: []uint32{0},
				Exprs: []wasm.ConstExpr{wasm.ConstFunc(0)}})
		}, "both functions and expressions"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b wasm.Builder
			tt.build(&b)
			_, err := b.Bytes()
			var be *wasm.BuildError
			if !errors.As(err, &be) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("%v, want a BuildError with %q", err, tt.want)
			}
		})
	}
	t.Run("index", func(t *testing.T) {
		var b wasm.Builder
		b.ExportFunc("f", 3)
		_, err := b.Bytes()
		var fe *wasm.FormatError
		if !errors.As(err, &fe) || !strings.Contains(err.Error(), `"f": func 3 of 0`) {
			t.Fatalf("%v, want a FormatError", err)
		}
	})
	t.Run("other kinds do not matter", func(t *testing.T) {
		var b wasm.Builder
		b.Func(b.Type(nil, nil), nil, nil)
		b.ImportMemory("env", "memory", wasm.MemoryType{})
		build(t, &b)
	})
}

// TestCodeInstructions runs one function per group of instructions.
func TestCodeInstructions(t *testing.T) {
	code := func() *wasm.Code { return new(wasm.Code) }
	tests := []struct {
		name   string
		locals []wasm.ValType
		body   *wasm.Code
		args   [2]uint64
		want   uint64
	}{
		{"arithmetic", nil,
			code().LocalGet(0).LocalGet(1).I32Add().I32Const(3).I32Mul().I32Const(1).I32Sub(),
			[2]uint64{2, 5}, 20},
		{"nothing done", nil, code().Raw(0x01).I32Const(-1).Drop().I32Const(9), [2]uint64{}, 9},
		{"compare", nil, code().LocalGet(0).LocalGet(1).I32LtU().LocalGet(0).LocalGet(
			1).I32Eq().I32Add().
			LocalGet(0).LocalGet(1).I32Ne().I32Add().LocalGet(0).I32Eqz().I32Add(), [2]uint64{0, 5},
			3},
		{"if else", nil, code().LocalGet(0).If(wasm.I32).I32Const(10).Else().I32Const(20).End(),
			[2]uint64{1}, 10},
		{"if else not", nil, code().LocalGet(0).If(wasm.I32).I32Const(10).Else().I32Const(20).End(),
			[2]uint64{0}, 20},
		{"return", nil, code().LocalGet(0).If().I32Const(1).Return().End().I32Const(2),
			[2]uint64{1}, 1},
		{"select", nil, code().I32Const(5).I32Const(6).LocalGet(0).Select(), [2]uint64{0}, 6},
		{"loop", []wasm.ValType{wasm.I32}, code().Block().Loop().LocalGet(0).I32Eqz().BrIf(1).
			LocalGet(2).I32Const(2).I32Add().LocalSet(2).LocalGet(0).I32Const(1).I32Sub().LocalTee(
			0).Drop().Br(0).
			End().End().LocalGet(2), [2]uint64{5}, 10},
		{"locals of all types",
			[]wasm.ValType{wasm.I64, wasm.I64, wasm.F32, wasm.F64, wasm.FuncRef, wasm.I32},
			code().LocalGet(6).RefIsNull().I64Const(-1).LocalGet(2).I64Add().LocalSet(3).
				F32Const(1).LocalSet(4).F64Const(math.Pi).LocalSet(5).LocalGet(7).I32Add(),
			[2]uint64{}, 1},
		{"memory", nil, code().I32Const(8).LocalGet(0).I32Store(4).I32Const(12).I32Load(0),
			[2]uint64{77}, 77},
		{"memory bytes", nil,
			code().I32Const(0).LocalGet(0).I32Store8(20).I32Const(20).I32Load8U(0),
			[2]uint64{0x1ff}, 0xff},
		{"memory long", nil,
			code().I32Const(24).I64Const(1<<32 + 6).I64Store(0).I32Const(24).I64Load(0).
				Raw(0xa7), [2]uint64{}, 6}, // i32.wrap_i64
		{"memory bulk", nil,
			code().I32Const(32).I32Const(5).I32Const(4).MemoryFill().I32Const(40).I32Const(
				32).I32Const(4).MemoryCopy().
				I32Const(40).I32Load(0), [2]uint64{}, 0x05050505},
		{"memory grow", nil, code().I32Const(1).MemoryGrow().MemorySize().I32Add(), [2]uint64{}, 3},
		{"memory init", nil,
			code().I32Const(48).I32Const(0).I32Const(4).MemoryInit(0).DataDrop(0).I32Const(
				48).I32Load(0), [2]uint64{}, 0x04030201},
		{"globals", nil, code().LocalGet(0).GlobalSet(0).GlobalGet(0).GlobalGet(0).I32Add(),
			[2]uint64{21}, 42},
		{"table", nil, code().RefNull(wasm.FuncRef).I32Const(3).TableGrow(0).TableSize(0).I32Add(),
			[2]uint64{}, 2 + 5},
		{"table entries", nil,
			code().I32Const(0).RefFunc(0).TableSet(0).I32Const(1).I32Const(0).TableGet(0).TableSet(
				0).
				I32Const(1).CallIndirect(1, 0), [2]uint64{}, 1234},
		{"table init", nil, code().I32Const(1).I32Const(0).I32Const(1).TableInit(0, 0).ElemDrop(0).
			I32Const(0).I32Const(1).I32Const(1).TableCopy(0, 0).I32Const(0).CallIndirect(1, 0),
			[2]uint64{}, 1234},
		{"table fill", nil, code().I32Const(0).RefFunc(0).I32Const(2).TableFill(0).
			I32Const(1).TableGet(0).RefIsNull(), [2]uint64{}, 0},
		{"call", nil, code().Call(0), [2]uint64{}, 1234},
	}
	ctx, r := newRuntime(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b wasm.Builder
			run, get := b.Type(twoI32, i32), b.Type(nil, i32)
			if run != 0 || get != 1 {
				t.Fatal("the tests count on these indices")
			}
			f := b.Func(get, nil, code().I32Const(1234))
			b.Table(wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 2}})
			b.Memory(1, 2, false)
			b.Global(wasm.I32, true, wasm.ConstI32(0))
			b.PassiveFuncs(f)
			b.PassiveData([]byte{1, 2, 3, 4})
			b.ExportFunc("run", b.Func(run, tt.locals, tt.body))
			inst := instantiate(t, ctx, r, "", build(t, &b))
			if got := call(t, ctx, inst, "run", tt.args[:]...); got != tt.want {
				t.Fatalf("got %d, want %d", got, tt.want)
			}
		})
	}
	t.Run("traps", func(t *testing.T) {
		var b wasm.Builder
		void := b.Type(nil, nil)
		tag := b.Tag(void)
		b.ExportFunc("unreachable", b.Func(void, nil, code().Unreachable()))
		b.ExportFunc("throw", b.Func(void, nil, code().Throw(tag)))
		inst := instantiate(t, ctx, r, "", build(t, &b))
		for _, name := range []string{"unreachable", "throw"} {
			if _, err := inst.ExportedFunction(name).Call(ctx); err == nil {
				t.Errorf("%s does not trap", name)
			}
		}
	})
}

// TestBuilderIsRepeatable asks twice for the bytes, with an addition in between.
func TestBuilderIsRepeatable(t *testing.T) {
	var b wasm.Builder
	b.ExportFunc("f", b.Func(b.Type(nil, nil), nil, nil))
	first := build(t, &b)
	if !bytes.Equal(first, build(t, &b)) {
		t.Fatal("two calls give different bytes")
	}
	b.Custom("more", []byte{1})
	if got := build(t, &b); !bytes.HasPrefix(got, first) || len(got) == len(first) {
		t.Fatal("the addition is missing")
	}
}
