package shim

import (
	"strconv"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// TableWriter writes the module that puts functions into tables; stub returns the number of the
// shim that has a stub among them.
func TableWriter(functions []*image.Function, stub func(*image.Function) int) ([]byte, error) {
	var b wasm.Builder
	var indices []uint32
	for _, fn := range functions {
		indices = append(indices,
			b.ImportFunc(WriterImport(fn, stub), fn.Name,
				b.Type(fn.Type.Params, fn.Type.Results)))
	}
	slots := b.ImportTable(TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	links := b.ImportTable(BaseNamespace, BasePLT, wasm.TableType{Elem: wasm.FuncRef})
	segment := b.PassiveFuncs(indices...)
	t := b.Type([]wasm.ValType{wasm.I32, wasm.I32}, nil)
	for _, x := range []struct {
		name  string
		table uint32
	}{{PutSlot, slots}, {PutPLT, links}} {
		b.ExportFunc(x.name, b.Func(t, nil,
			new(wasm.Code).LocalGet(0).LocalGet(1).I32Const(1).TableInit(segment, x.table)))
	}
	return b.Bytes()
}

// WriterImport is the namespace from which its module's table writer imports a function. As with
// shims, it does not tell which module it is. stub returns the number of the shim that has a stub.
func WriterImport(fn *image.Function, stub func(*image.Function) int) string {
	if fn.Stub {
		return stubsPrefix + strconv.Itoa(stub(fn))
	}
	if fn.Mod.HostName != "" {
		return fn.Mod.HostName
	}
	return selfNamespace
}

// WriterNamespace tells what a namespace of a module's table writer is.
func WriterNamespace(m *image.Module, name string) string {
	if name == selfNamespace {
		return ImportName(m)
	}
	if i, err := strconv.Atoi(strings.TrimPrefix(name, stubsPrefix)); err == nil &&
		strings.HasPrefix(name, stubsPrefix) {
		return Namespace(m.ID, i)
	}
	return name
}
