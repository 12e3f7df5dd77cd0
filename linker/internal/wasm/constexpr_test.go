package wasm_test

import (
	"errors"
	"math"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"pgregory.net/rapid"
)

func TestConstExprEval(t *testing.T) {
	globals := func(i uint32) (uint64, bool) {
		v, ok := map[uint32]uint64{0: 1024, 1: 1 << 40}[i]
		return v, ok
	}
	c32, c64 := wasm.ConstI32, wasm.ConstI64
	tests := []struct {
		name string
		expr wasm.ConstExpr
		want uint64
		err  error
	}{
		{"i32", c32(-1), math.MaxUint32, nil},
		{"i64", c64(-1), math.MaxUint64, nil},
		{"global", wasm.ConstGlobal(0), 1024, nil},
		{"global 64", wasm.ConstGlobal(1), 1 << 40, nil},
		{"unknown global", wasm.ConstGlobal(2), 0, wasm.ErrUnknownGlobal},
		{"i32.add", wasm.Const(wasm.ConstI32Add, wasm.ConstGlobal(0), c32(8)), 1032, nil},
		{"i32.add wraps", wasm.Const(wasm.ConstI32Add, c32(-1), c32(2)), 1, nil},
		{"i32.sub wraps", wasm.Const(wasm.ConstI32Sub, c32(1), c32(2)), math.MaxUint32, nil},
		{"i32.mul wraps", wasm.Const(wasm.ConstI32Mul, c32(1<<30), c32(5)), 1 << 30, nil},
		{"i64.add", wasm.Const(wasm.ConstI64Add, wasm.ConstGlobal(1), c64(8)), 1<<40 + 8, nil},
		{"i64.sub wraps", wasm.Const(wasm.ConstI64Sub, c64(1), c64(2)), math.MaxUint64, nil},
		{"i64.mul", wasm.Const(wasm.ConstI64Mul, c64(1<<33), c64(3)), 3 << 33, nil},
		{"nested", wasm.Const(wasm.ConstI32Mul, wasm.Const(wasm.ConstI32Sub, c32(9), c32(2)),
			wasm.Const(wasm.ConstI32Add, c32(1), c32(2))), 21, nil},
		{"float", wasm.ConstF64(1), 0, wasm.ErrNotInteger},
		{"vector", wasm.ConstV128([16]byte{}), 0, wasm.ErrNotInteger},
		{"null", wasm.ConstNull(wasm.FuncRef), 0, wasm.ErrNotInteger},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := tt.expr.Eval(globals)
			if got != tt.want || !errors.Is(err, tt.err) {
				t.Fatalf("%v: %d, %v; want %d, %v", tt.expr, got, err, tt.want, tt.err)
			}
		})
	}
	if _, err := wasm.ConstGlobal(0).Eval(nil); !errors.Is(err, wasm.ErrUnknownGlobal) {
		t.Errorf("without globals: %v", err)
	}
	var fe *wasm.FormatError
	for _, e := range []wasm.ConstExpr{{}, wasm.Const(wasm.ConstI32Add, c32(1), wasm.ConstExpr{})} {
		if _, err := e.Eval(globals); !errors.As(err, &fe) {
			t.Errorf("%v: %v, want a FormatError", e, err)
		}
	}
}

// A constant does not point into the file that it was read from, which would stay in memory as long
// as the constant is known.
func TestConstantsAreCopied(t *testing.T) {
	var b wasm.Builder
	b.Global(wasm.I32, false, wasm.ConstI32(1234))
	file := b.Encode()
	m, err := wasm.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	clear(file)
	if got, err := m.Globals[0].Init.Eval(nil); got != 1234 || err != nil {
		t.Errorf("%d, %v: the file has been overwritten", got, err)
	}
}

func TestConstExprForms(t *testing.T) {
	f, ok := wasm.ConstFunc(300).AsFunc()
	if !ok || f != 300 {
		t.Errorf("ref.func: %d %v", f, ok)
	}
	g, ok := wasm.ConstGlobal(300).AsGlobal()
	if !ok || g != 300 {
		t.Errorf("global.get: %d %v", g, ok)
	}
	if !wasm.ConstNull(wasm.FuncRef).IsNull() || wasm.ConstI32(0).IsNull() {
		t.Error("ref.null is not told from others")
	}
	sum := wasm.Const(wasm.ConstI32Add, wasm.ConstGlobal(1), wasm.ConstI32(1))
	_, a := sum.AsGlobal()
	_, b := wasm.ConstGlobal(1).AsFunc()
	_, c := wasm.ConstExpr{}.AsFunc()
	if a || b || c {
		t.Error("an expression passes for what it is not")
	}
	for want, e := range map[string]wasm.ConstExpr{
		"i32.const -5": wasm.ConstI32(-5), "i64.const 5": wasm.ConstI64(5),
		"f32.const 0.5":  wasm.ConstF32(.5),
		"f64.const -0.5": wasm.ConstF64(-.5), "ref.null externref": wasm.ConstNull(wasm.ExternRef),
		"ref.func 7": wasm.ConstFunc(7), "v128.const": wasm.ConstV128([16]byte{1}), "": {},
	} {
		if e.String() != want {
			t.Errorf("%q, want %q", e, want)
		}
	}
}

// TestConstExprAgreesWithEngine draws expressions of i32, which Eval, Decode and the engine
// must understand alike.
func TestConstExprAgreesWithEngine(t *testing.T) {
	ctx, r := newRuntime(t)
	var draw func(t *rapid.T, depth int) wasm.ConstExpr
	draw = func(t *rapid.T, depth int) wasm.ConstExpr {
		if depth == 0 || rapid.Bool().Draw(t, "leaf") {
			return wasm.ConstI32(rapid.Int32().Draw(t, "value"))
		}
		op := rapid.SampledFrom([]wasm.ConstOp{wasm.ConstI32Add, wasm.ConstI32Sub,
			wasm.ConstI32Mul}).Draw(t, "op")
		return wasm.Const(op, draw(t, depth-1), draw(t, depth-1))
	}
	rapid.Check(t, func(rt *rapid.T) {
		expr := draw(rt, 4)
		var b wasm.Builder
		b.ExportGlobal("g", b.Global(wasm.I32, false, expr))
		file, err := b.Bytes()
		if err != nil {
			rt.Fatal(err)
		}
		want, err := expr.Eval(nil)
		if err != nil {
			rt.Fatal(err)
		}
		m, err := wasm.Decode(file)
		if err != nil || m.Globals[0].Init.String() != expr.String() {
			rt.Fatalf("decoded %v, %v; want %v", m, err, expr)
		}
		inst, err := r.Instantiate(ctx, file)
		if err != nil {
			rt.Fatal(err)
		}
		got := inst.ExportedGlobal("g").Get()
		if err := inst.Close(ctx); err != nil {
			rt.Fatal(err)
		}
		if got != want {
			rt.Fatalf("%v: the engine says %d, Eval %d", expr, got, want)
		}
	})
}
