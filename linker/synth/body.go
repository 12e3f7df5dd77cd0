package synth

import "github.com/lockstep-wasm/lockstep/linker/internal/wasm"

// ConstructorDepth is the depth with which the operations of a constructor begin.
const ConstructorDepth = 2

// body writes a function. Its locals are the parameters and, behind them, what has been computed so
// far.
func (e *encoder) body(f *Function) *wasm.Code {
	var c wasm.Code
	w := bodyWriter{e: e, c: &c, acc: 2}
	switch f.Sig {
	case Plain:
		w.acc = 1
	case Final:
		w.acc, w.depth = 1, 2
	}
	if f.Sig != Final {
		c.LocalGet(w.depth).I32Const(0).Raw(opLtS).If().I32Const(f.Base)
		w.extend(f.Sig)
		c.Return().End()
	}
	c.I32Const(f.Base)
	switch f.Sig {
	case Final:
		c.LocalGet(0).I32Add()
	case Narrow:
		c.LocalGet(1).I32Add()
	case Wide:
		c.LocalGet(1).Raw(opWrap).I32Add()
	}
	c.LocalSet(w.acc)
	for _, op := range f.Body {
		w.op(op)
	}
	if f.Sig != Final {
		c.LocalGet(w.acc)
		w.extend(f.Sig)
	}
	return &c
}

// Instructions that wasm.Code has no methods for.
const (
	opLtS     = 0x48 // i32.lt_s
	opGtS     = 0x4a // i32.gt_s
	opWrap    = 0xa7 // i32.wrap_i64
	opExtendS = 0xac // i64.extend_i32_s
)

// bodyWriter writes operations.
type bodyWriter struct {
	e          *encoder
	c          *wasm.Code
	depth, acc uint32 // locals
}

// extend turns the i32 on the stack into a result.
func (w *bodyWriter) extend(s Signature) {
	if s == Wide {
		w.c.Raw(opExtendS)
	}
}

// op writes one operation: acc = acc*31 + its value.
func (w *bodyWriter) op(op Op) {
	w.c.LocalGet(w.acc).I32Const(31).I32Mul()
	w.value(op)
	w.c.I32Add().LocalSet(w.acc)
}

// value pushes an operation's value.
func (w *bodyWriter) value(op Op) {
	e, c := w.e, w.c
	switch op.Kind {
	case Const:
		c.I32Const(op.Value)
	case Call:
		w.call(op.Sig, func() { c.Call(e.functions[importKey{"env", op.Symbol}]) })
	case CallOwn:
		w.call(op.Sig, func() { c.Call(e.firstFunc + uint32(op.Index)) })
	case CallPointer:
		got := e.globals[importKey{"GOT.func", op.Symbol}]
		w.indirect(op.Sig, func() { c.GlobalGet(got) })
	case CallWord:
		w.indirect(op.Sig, func() { c.GlobalGet(e.memoryBase).I32Load(e.lib.WordOffset(op.Index)) })
	case CallTable:
		w.indirect(op.Sig, func() { c.GlobalGet(e.tableBase).I32Const(int32(op.Index)).I32Add() })
	case Load:
		got := e.globals[importKey{"GOT.mem", op.Symbol}]
		c.GlobalGet(got).If(wasm.I32).GlobalGet(got).I32Load(0).Else().I32Const(Null).End()
	case Add:
		got := e.globals[importKey{"GOT.mem", op.Symbol}]
		c.GlobalGet(got).If(wasm.I32)
		w.add(got, 0, op.Value)
		c.Else().I32Const(Null).End()
	case AddOwn:
		w.add(e.memoryBase, e.lib.VariableOffset(op.Index), op.Value)
	case AddThread:
		w.add(e.tlsBase, 4*uint32(op.Index), op.Value)
	case AddGlobal:
		w.addGlobal(e.firstGlobal+uint32(op.Index), op.Value)
	case AddOther:
		w.addGlobal(e.globals[importKey{"env", op.Symbol}], op.Value)
	case Note:
		c.I32Const(op.Value).Call(e.functions[importKey{"env", op.Symbol}]).I32Const(op.Value)
	case AtExit:
		c.GlobalGet(e.tableBase).I32Const(int32(op.Index)).I32Add().I32Const(op.Value).GlobalGet(
			e.memoryBase)
		c.Call(e.functions[importKey{"env", "__cxa_atexit"}])
	case Trap:
		c.Unreachable()
	case Exit:
		c.I32Const(op.Value).Call(e.functions[importKey{"wasi_snapshot_preview1",
			"proc_exit"}]).I32Const(0)
	}
}

// add writes: *(base + offset) += v, and the sum.
func (w *bodyWriter) add(base, offset uint32, v int32) {
	w.c.GlobalGet(base).GlobalGet(base).I32Load(offset).I32Const(v).I32Add().I32Store(offset)
	w.c.GlobalGet(base).I32Load(offset)
}

func (w *bodyWriter) addGlobal(global uint32, v int32) {
	w.c.GlobalGet(global).I32Const(v).I32Add().GlobalSet(global).GlobalGet(global)
}

// call writes a call, unless the depth is used up.
func (w *bodyWriter) call(s Signature, call func()) {
	w.c.LocalGet(w.depth).I32Const(0).Raw(opGtS).If(wasm.I32)
	w.arguments(s)
	call()
	w.narrow(s)
	w.c.Else().I32Const(NotCalled).End()
}

// indirect is call through a pointer, unless that is null.
func (w *bodyWriter) indirect(s Signature, pointer func()) {
	w.c.LocalGet(w.depth).I32Const(0).Raw(opGtS).If(wasm.I32)
	pointer()
	w.c.If(wasm.I32)
	w.arguments(s)
	pointer()
	w.c.CallIndirect(w.e.typ(s), w.e.table)
	w.narrow(s)
	w.c.Else().I32Const(Null).End()
	w.c.Else().I32Const(NotCalled).End()
}

func (w *bodyWriter) arguments(s Signature) {
	w.c.LocalGet(w.depth).I32Const(1).I32Sub()
	switch s {
	case Narrow:
		w.c.LocalGet(w.acc)
	case Wide:
		w.c.LocalGet(w.acc).Raw(opExtendS)
	}
}

func (w *bodyWriter) narrow(s Signature) {
	if s == Wide {
		w.c.Raw(opWrap)
	}
}
