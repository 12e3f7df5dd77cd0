package linker

import (
	"context"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// maxClosureTypes is how many parameters, or results, a prepared closure may have: what engines
// allow a function.
const maxClosureTypes = 1000

// prepareClosure makes a closure's entry, in every group, a trampoline.
func (g *Group) prepareClosure(ctx context.Context, slot uint32, tr image.Trampoline) error {
	return g.inside(ctx, func(ctx context.Context, e *entry) error {
		return e.run(ctx, protocol.ResolveFunction, func(ctx context.Context, t *tx) (err error) {
			if !t.l.state.closures.Live.At(slot) {
				return &ClosureError{Slot: slot}
			}
			if err =
				t.trampolineRoom(image.TrampolineKey{Slot: slot, Type: tr.Type.Key()}); err != nil {
				return err
			}
			if tr.Code, err = t.l.trampolineCode(ctx, tr.Type); err != nil {
				return err
			}
			return t.setClosure(ctx, slot, nil, &tr)
		})
	})
}

// trampolineRoom counts the trampolines of an image, each of which every group has an instance of,
// for as long as it lives.
func (t *tx) trampolineRoom(key image.TrampolineKey) error {
	s := &t.l.state
	if s.prepared.At(key) {
		return nil
	}
	if n, limit := s.prepared.Len(), t.l.config.maxTrampolines; n >= limit {
		return &LimitError{Limit: limitTrampolines, Value: uint64(n) + 1, Max: uint64(limit)}
	}
	s.prepared = s.prepared.With(key, true)
	return nil
}

// trampolineCode compiles the trampoline of a signature, once for all groups.
func (l *Linker) trampolineCode(ctx context.Context, t wasm.FuncType) (wazero.CompiledModule,
	error) {
	if c := l.trampolines[t.Key()]; c != nil {
		return c, nil
	}
	if err := l.signatureRoom(len(l.trampolines)); err != nil {
		return nil, err
	}
	stackSpace, stackName := shim.BaseNamespace, shim.BaseStackPointer
	if l.shared.StackPointer != nil {
		stackSpace, stackName = shim.ImportName(l.shared.Main), l.shared.StackPointer.Name
	}
	bytes, err := buildTrampoline(t, stackSpace, stackName, l.noSharedMemory == nil)
	c, err := l.compileGenerated(ctx, "closure", bytes, err)
	if err != nil {
		return nil, err
	}
	l.trampolines[t.Key()] = c
	return c, nil
}

// buildTrampoline writes the module of a trampoline.
func buildTrampoline(t wasm.FuncType, stackSpace, stackName string, shared bool) ([]byte, error) {
	i32 := wasm.I32
	var b wasm.Builder
	table := b.ImportTable(shim.TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	b.ImportMemory(shim.MemoryNamespace, "memory", anyMemory(shared))
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
	b.ExportGlobal(shim.TrampolineBacking, backing)
	b.ExportGlobal(shim.TrampolineData, data)
	b.ExportFunc(shim.TrampolinePut, put)
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
