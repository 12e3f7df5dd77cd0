package shim

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Exports of the module of a trampoline.
const (
	TrampolineBacking = "backing" // a global
	TrampolineData    = "data"    // a global
	TrampolinePut     = "put"     // (slot): the trampoline into the function table
)

// TrampolineModule writes the module of a trampoline.
func TrampolineModule(t wasm.FuncType, stackSpace, stackName string, shared bool) ([]byte, error) {
	i32 := wasm.I32
	var b wasm.Builder
	table := b.ImportTable(TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	b.ImportMemory(MemoryNamespace, "memory", AnyMemory(shared))
	stack := b.ImportGlobal(stackSpace, stackName, wasm.GlobalType{Type: i32, Mutable: true})
	backing := b.Global(i32, true, wasm.ConstI32(0))
	data := b.Global(i32, true, wasm.ConstI32(0))
	backingType := b.Type([]wasm.ValType{i32, i32, i32}, nil)

	old := uint32(len(t.Params)) // locals behind the parameters
	results, values := old+1, old+2
	var c wasm.Code
	c.GlobalGet(stack).LocalTee(old)
	c.I32Const(frameSize(t.Results)).I32Sub().I32Const(-16).Raw(opI32And).LocalTee(results)
	c.I32Const(frameSize(t.Params)).I32Sub().LocalTee(values).GlobalSet(stack)
	offset := uint32(0)
	for i, p := range t.Params {
		c.LocalGet(values).LocalGet(uint32(i)).Raw(memoryOp(memoryOps[p].store, offset)...)
		offset += memoryOps[p].size
	}
	c.LocalGet(values).LocalGet(results).GlobalGet(data).GlobalGet(backing).CallIndirect(
		backingType, table)
	offset = 0
	for _, r := range t.Results {
		c.LocalGet(results).Raw(memoryOp(memoryOps[r].load, offset)...)
		offset += memoryOps[r].size
	}
	c.LocalGet(old).GlobalSet(stack)
	f := b.Func(b.Type(t.Params, t.Results), []wasm.ValType{i32, i32, i32}, &c)
	b.DeclareFuncs(f)
	put := b.Func(b.Type([]wasm.ValType{i32}, nil), nil,
		new(wasm.Code).LocalGet(0).RefFunc(f).TableSet(table))
	b.ExportGlobal(TrampolineBacking, backing)
	b.ExportGlobal(TrampolineData, data)
	b.ExportFunc(TrampolinePut, put)
	return b.Bytes()
}

const opI32And = 0x71

// memoryOps are the instructions that write and read a type, and its size in bytes.
var memoryOps = map[wasm.ValType]struct {
	store, load []byte
	size        uint32
}{
	wasm.I32:  {[]byte{0x36}, []byte{0x28}, 4},
	wasm.I64:  {[]byte{0x37}, []byte{0x29}, 8},
	wasm.F32:  {[]byte{0x38}, []byte{0x2a}, 4},
	wasm.F64:  {[]byte{0x39}, []byte{0x2b}, 8},
	wasm.V128: {[]byte{0xfd, 0x0b}, []byte{0xfd, 0x00}, 16},
}

// memoryOp appends to an instruction that it takes any address (alignment 2^0), at an offset.
func memoryOp(op []byte, offset uint32) []byte {
	return leb.AppendU32(append(append([]byte(nil), op...), 0), offset)
}

// frameSize is the room for values of some types, a multiple of 16.
func frameSize(types []wasm.ValType) int32 {
	n := uint32(0)
	for _, t := range types {
		n += memoryOps[t].size
	}
	return int32((n + 15) &^ 15)
}

// ValueSize is how many bytes a value of a type takes in memory, 0 for a reference.
func ValueSize(t wasm.ValType) uint32 { return memoryOps[t].size }
