package linker

import (
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// legalised binds an import of a system interface in which each i64 is two i32, the low half first.
// Emscripten before 4.0 imported functions so, because JavaScript had no 64-bit integers: fd_seek
// of five i32, for instance. The module gets a function that puts them together.
//
// Source: LegalizeJSInterface in binaryen, src/passes/LegalizeJSInterface.cpp.
func legalised(imp *wasm.Import, fn *function, want wasm.FuncType) (binding, bool) {
	if !strings.HasPrefix(imp.Module, "wasi_") ||
		!(wasm.FuncType{Results: want.Results}).Equal(wasm.FuncType{Results: fn.typ.Results}) {
		return binding{}, false
	}
	var split []wasm.ValType
	for _, p := range fn.typ.Params {
		if p == wasm.I64 {
			split = append(split, wasm.I32, wasm.I32)
		} else {
			split = append(split, p)
		}
	}
	if !(wasm.FuncType{Params: split, Results: want.Results}).Equal(want) {
		return binding{}, false
	}
	return binding{kind: bindLegalised, fn: fn}, true
}

// legalised defines a function with halves of integers in a bridge.
func (w *bridgeWriter) legalised(x binding, target uint32) {
	var c wasm.Code
	next := uint32(0)
	var params []wasm.ValType
	for _, p := range x.fn.typ.Params {
		if p != wasm.I64 {
			params = append(params, p)
			c.LocalGet(next)
			next++
			continue
		}
		params = append(params, wasm.I32, wasm.I32)
		// low | high << 32
		c.LocalGet(next).Raw(opI64ExtendU).LocalGet(next+
			1).Raw(opI64ExtendU).I64Const(32).Raw(opI64Shl, opI64Or)
		next += 2
	}
	c.Call(target)
	w.b.ExportFunc(x.imp.Name, w.b.Func(w.b.Type(params, x.fn.typ.Results), nil, &c))
}

const (
	opI64Or      = 0x84
	opI64Shl     = 0x86
	opI64ExtendU = 0xad // of an i32
)
