package shim

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/fdlock"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// AttentionExport is the global's name in a host shim, which is no symbol.
const AttentionExport = ReservedPrefix + "attention"

// declareAttention adds the global to a host shim.
func declareAttention(b *wasm.Builder) (index uint32) {
	index = b.Global(wasm.I32, true, wasm.ConstI32(1))
	b.ExportGlobal(AttentionExport, index)
	return index
}

// HostShim is the generated module through which guests call the functions of a host module. There
// is one of it for all groups: it is what host functions get as their caller, with the image's
// memory, and what WASI hangs its open files on.
type HostShim struct {
	Namespace string
	Functions []*image.Function
	Host      string // the runtime's name of the linker's own host module
	Shared    bool   // the memory is
	System    bool   // a system interface, whose calls may wait; otherwise each is a safepoint
}

// StreamsNamespace is where the host shim of a system interface finds the instance of the standard
// streams.
const StreamsNamespace = ReservedPrefix + "streams"

// pass writes a call of a function with the parameters of the one that is written.
func (g *HostShim) pass(c *wasm.Code, fn *image.Function, target uint32) *wasm.Code {
	for p := range fn.Type.Params {
		c.LocalGet(uint32(p))
	}
	return c.Call(target)
}

func (g *HostShim) functionType(b *wasm.Builder, fn *image.Function) uint32 {
	return b.Type(fn.Type.Params, fn.Type.Results)
}

// Build writes the module.
func (g *HostShim) Build() ([]byte, error) {
	var b wasm.Builder
	var wrap func(fn *image.Function, target uint32) *wasm.Code
	if g.System {
		wrap = g.systemCalls(&b)
	} else {
		before := b.ImportFunc(g.Host, Safepoint, b.Type(nil, nil))
		attention := declareAttention(&b)
		wrap = func(fn *image.Function, target uint32) *wasm.Code {
			c := new(wasm.Code).GlobalGet(attention).If().Call(before).End()
			return g.pass(c, fn, target)
		}
	}
	return g.export(&b, g.Functions, wrap)
}

// BuildStreams writes the module in whose instance the functions of a system interface are called
// that have to do with nothing but standard streams. Nothing else is ever opened there, and nothing
// closed.
func (g *HostShim) BuildStreams() ([]byte, error) {
	var b wasm.Builder
	functions := slices.DeleteFunc(slices.Clone(g.Functions),
		func(fn *image.Function) bool { return !fdlock.Streamed(fn.Name, fn.Type) })
	return g.export(&b, functions,
		func(fn *image.Function, target uint32) *wasm.Code {
			return g.pass(new(wasm.Code), fn,
				target)
		})
}

// export imports functions of the host module, and exports what wraps them.
func (g *HostShim) export(b *wasm.Builder, functions []*image.Function,
	wrap func(fn *image.Function, target uint32) *wasm.Code) ([]byte, error) {
	targets := make([]uint32, len(functions))
	for i, fn := range functions {
		if !g.exits(fn) {
			targets[i] = b.ImportFunc(g.Namespace, fn.Name, g.functionType(b, fn))
		}
	}
	b.ImportMemory(MemoryNamespace, "memory", AnyMemory(g.Shared))
	for i, fn := range functions {
		b.ExportFunc(fn.Name, b.Func(g.functionType(b, fn), nil, wrap(fn, targets[i])))
	}
	return b.Bytes()
}

// systemCalls returns what wraps the functions of a system interface.
func (g *HostShim) systemCalls(b *wasm.Builder) func(fn *image.Function, target uint32) *wasm.Code {
	two := []wasm.ValType{wasm.I32, wasm.I32}
	result := two[:1]
	begin := b.ImportFunc(g.Host, LockFDs, b.Type(two, result))
	lockPolled := b.ImportFunc(g.Host, LockPolledFDs, b.Type(two, result))
	end := b.ImportFunc(g.Host, UnlockFDs, b.Type(nil, nil))
	exit := b.ImportFunc(g.Host, Exit, b.Type(result, nil))
	attention := declareAttention(b)
	streams := map[*image.Function]uint32{}
	for _, fn := range g.Functions {
		if fdlock.Streamed(fn.Name, fn.Type) {
			streams[fn] = b.ImportFunc(StreamsNamespace, fn.Name, g.functionType(b, fn))
		}
	}
	return func(fn *image.Function, target uint32) *wasm.Code {
		c := new(wasm.Code)
		if g.exits(fn) {
			return g.pass(c, fn, exit)
		}
		if fdlock.Quick(fn.Name) { // it does not wait, so the group need not be parked
			c.GlobalGet(attention).I32Eqz().If(fn.Type.Results...)
			g.pass(c, fn, target).Else()
			defer c.End()
		}
		if fn.Type.Equal(fdlock.PollType) && fn.Name == fdlock.PollFunction {
			c.LocalGet(0).LocalGet(2).Call(lockPolled)
		} else if a, descriptor := fdlock.Classify(fn.Name, fn.Type); descriptor >= 0 {
			c.I32Const(int32(a)).LocalGet(uint32(descriptor)).Call(begin)
		} else {
			c.I32Const(int32(a)).I32Const(-1).Call(begin)
		}
		if stream, ok := streams[fn]; ok {
			g.pass(c.If(fn.Type.Results...), fn, stream)
			g.pass(c.Else(), fn, target).End()
		} else {
			g.pass(c.Drop(), fn, target)
		}
		return c.Call(end)
	}
}

// exits reports whether a function is the system interface's way to exit. The host's own closes its
// caller, which here would be the host shim of all groups.
func (g *HostShim) exits(fn *image.Function) bool {
	return g.System && fn.Name == "proc_exit" &&
		fn.Type.Equal(wasm.FuncType{Params: []wasm.ValType{wasm.I32}})
}
