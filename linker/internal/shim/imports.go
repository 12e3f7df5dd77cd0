package shim

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Imports writes the shim of module m. All addresses, slots and PLT entries are final. linkHost
// is the runtime's name of the module with the linker's own functions.
func Imports(s *Shim, m *image.Module, pointer func(*image.Function) uint32,
	linkHost string) ([]byte, error) {
	var b wasm.Builder
	w := importsWriter{b: &b, s: s, m: m, pointer: pointer}
	for _, x := range s.Bindings {
		w.importFor(x, linkHost)
	}
	for _, x := range s.Bindings {
		w.defineFor(x)
	}
	return b.Bytes()
}

// Lazy is the linker's function (entry) that fills an entry of the PLT.
const Lazy = "lazy"

type importsWriter struct {
	b        *wasm.Builder
	s        *Shim
	m        *image.Module
	pointer  func(*image.Function) uint32
	linkable bool // lazy and links are imported
	lazy     uint32
	links    uint32
	targets  map[*image.Function]uint32 // indices of functions that wrappers call
}

// importFor adds the imports that a binding needs; all come before the definitions.
func (w *importsWriter) importFor(x Binding, linkHost string) {
	switch x.Kind {
	case BindFunction:
		t := w.b.Type(x.Fn.Type.Params, x.Fn.Type.Results)
		w.b.ExportFunc(x.Imp.Name, w.b.ImportFunc(w.s.Use(x.Fn.Mod), x.Fn.Name, t))
	case BindPLT:
		if !w.linkable {
			w.linkable = true
			w.lazy = w.b.ImportFunc(linkHost, Lazy, w.b.Type([]wasm.ValType{wasm.I32}, nil))
			w.links = w.b.ImportTable(BaseNamespace, BasePLT,
				wasm.TableType{Elem: wasm.FuncRef})
		}
	case BindLegalised:
		if w.targets == nil {
			w.targets = map[*image.Function]uint32{}
		}
		w.targets[x.Fn] = w.b.ImportFunc(w.s.Use(x.Fn.Mod), x.Fn.Name,
			w.b.Type(x.Fn.Type.Params, x.Fn.Type.Results))
	case BindMemory:
		w.b.ExportMemory(x.Imp.Name,
			w.b.ImportMemory(MemoryNamespace, "memory", AnyMemory(x.Imp.Memory.Shared)))
	case BindTable:
		w.b.ExportTable(x.Imp.Name,
			w.b.ImportTable(TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef}))
	case BindStackPointer:
		w.b.ExportGlobal(x.Imp.Name,
			w.b.ImportGlobal(BaseNamespace, BaseStackPointer, x.Imp.Global))
	case BindGlobal:
		w.b.ExportGlobal(x.Imp.Name,
			w.b.ImportGlobal(w.s.Use(x.Exp.Mod), x.Exp.Name, x.Exp.Global))
	case BindTag:
		w.b.ExportTag(x.Imp.Name,
			w.b.ImportTag(w.s.Use(x.Exp.Mod), x.Exp.Name, w.b.Type(x.Exp.Tag.Params, nil)))
	}
}

// defineFor adds the definitions of a binding.
func (w *importsWriter) defineFor(x Binding) {
	value := x.Value
	switch x.Kind {
	case BindPLT:
		w.stub(x)
		return
	case BindLegalised:
		w.legalised(x, w.targets[x.Fn])
		return
	case BindPointer:
		value = w.pointer(x.Fn)
	case BindData:
		value = x.Exp.Addr
	case BindMemoryBase:
		value = w.m.Memory.Base
	case BindTableBase:
		value = w.m.Table.Base
	case BindConst, BindThreadLocal:
	default:
		return
	}
	w.b.ExportGlobal(x.Imp.Name,
		w.b.Global(wasm.I32, x.Imp.Global.Mutable, wasm.ConstI32(int32(value))))
}

// stub defines a function that calls through the PLT, filling its entry first if it is null.
func (w *importsWriter) stub(x Binding) {
	entry := int32(x.PLT.Index)
	t := w.b.Type(x.PLT.Type.Params, x.PLT.Type.Results)
	var c wasm.Code
	c.I32Const(entry).TableGet(w.links).RefIsNull().If().I32Const(entry).Call(w.lazy).End()
	for i := range x.PLT.Type.Params {
		c.LocalGet(uint32(i))
	}
	c.I32Const(entry).CallIndirect(t, w.links)
	w.b.ExportFunc(x.Imp.Name, w.b.Func(t, nil, &c))
}

// legalised defines a function with halves of integers in a shim.
func (w *importsWriter) legalised(x Binding, target uint32) {
	var c wasm.Code
	next := uint32(0)
	var params []wasm.ValType
	for _, p := range x.Fn.Type.Params {
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
	w.b.ExportFunc(x.Imp.Name, w.b.Func(w.b.Type(params, x.Fn.Type.Results), nil, &c))
}

const (
	opI64Or      = 0x84
	opI64Shl     = 0x86
	opI64ExtendU = 0xad // of an i32
)
