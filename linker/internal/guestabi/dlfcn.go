package guestabi

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Flags of dlopen, as <dlfcn.h> has them in musl and in wasi-libc. RTLD_LOCAL is 0 in musl; what
// wasi-libc has instead means the same.
const (
	rtldLazy     = 1
	rtldNow      = 2
	rtldNoLoad   = 4
	rtldLocal    = 8
	rtldGlobal   = 256
	rtldNoDelete = 4096
)

// dlfcn are the functions of <dlfcn.h>, which guests import from env. They never end a call because
// of an error: that is for dlerror to tell. Only what ends the guest itself does: an exit, or a
// closed image.
func (a *ABI) dlfcn(prefix string) []Function {
	one := []wasm.ValType{wasm.I32}
	two := []wasm.ValType{wasm.I32, wasm.I32}
	return []Function{
		{prefix + "dlopen", two, one, true,
			func(ctx context.Context, g *Guest, caller *image.Module, stack []uint64) {
				stack[0] = uint64(a.dlopen(ctx, g, uint32(stack[0]), uint32(stack[1]), caller))
			}},
		{prefix + "dlsym", two, one, true,
			func(ctx context.Context, g *Guest, caller *image.Module, stack []uint64) {
				stack[0] = uint64(a.dlsym(ctx, g, uint32(stack[0]), uint32(stack[1]), caller))
			}},
		{prefix + "dlclose", one, one, false,
			func(ctx context.Context, g *Guest, _ *image.Module, stack []uint64) {
				err := g.Close(ctx, uint32(stack[0]))
				stack[0] = 0
				if a.failed(g, err) {
					stack[0] = 1<<32 - 1 // -1
				}
			}},
		{prefix + "dlerror", nil, one, false,
			func(ctx context.Context, g *Guest, _ *image.Module, stack []uint64) {
				stack[0] = uint64(a.dlerror(ctx, g))
			}},
		{prefix + "dl_iterate_phdr", two, one, false,
			func(ctx context.Context, g *Guest, _ *image.Module, stack []uint64) {
				stack[0] = uint64(a.iteratePhdr(ctx, g, uint32(stack[0]), uint32(stack[1])))
			}},
		{prefix + "dladdr", two, one, false,
			func(ctx context.Context, g *Guest, _ *image.Module, stack []uint64) {
				stack[0] = uint64(a.dladdr(ctx, g, uint32(stack[0]), uint32(stack[1])))
			}},
	}
}

// errBadFlags is what dlopen says of flags that it does not know.
var errBadFlags = errors.New("linker: unknown flags for dlopen, or neither RTLD_LAZY nor RTLD_NOW")

func (a *ABI) dlopen(ctx context.Context, g *Guest, path, flags uint32,
	caller *image.Module) uint32 {
	name, err := "", error(nil)
	if path != 0 {
		name, err = a.cString(path)
	}
	mode := Mode{Now: flags&rtldNow != 0, NoLoad: flags&rtldNoLoad != 0,
		Global: flags&rtldGlobal != 0, NoDelete: flags&rtldNoDelete != 0}
	var handle uint32
	switch {
	case flags&^(rtldLazy|rtldNow|rtldNoLoad|rtldLocal|rtldGlobal|rtldNoDelete) != 0 ||
		flags&(rtldLazy|rtldNow) == 0:
		err = errBadFlags
	case err == nil:
		handle, err = a.open(ctx, g, name, mode, caller, nil)
	}
	a.failed(g, err)
	return handle
}

func (a *ABI) dlsym(ctx context.Context, g *Guest, handle, symbol uint32,
	caller *image.Module) uint32 {
	var pointer uint32
	name, err := a.cString(symbol)
	if err == nil {
		pointer, err = g.Symbol(ctx, handle, name, caller)
	}
	a.failed(g, err)
	return pointer
}

// failed keeps an error for dlerror and reports whether there was one.
func (a *ABI) failed(g *Guest, err error) bool {
	if err == nil {
		return false
	}
	a.fatal(err)
	g.err = err
	return true
}

// dlerror returns the address of what went wrong since it was last called, in words; 0 for nothing.
// The text stays until the next call of dlerror in the same group. When the guest has no memory for
// it, it is cut short.
func (a *ABI) dlerror(ctx context.Context, g *Guest) uint32 {
	if g.err == nil {
		return 0
	}
	text := g.err.Error()
	g.err = nil
	if need := uint32(len(text)) + 1; need > g.size {
		size := max(need, 256)
		region, err := g.Take(ctx, size, 1)
		if err == nil {
			a.Give(g.region)
			g.Own(region)
			g.region, g.size = region, size
		}
	}
	b, ok := a.Memory.At(g.region, g.size)
	if !ok || g.region == 0 {
		return 0
	}
	b[copy(b[:len(b)-1], text)] = 0
	return g.region
}

// Sizes of struct dl_phdr_info and of Elf32_Phdr in C for 32 bits.
const (
	phdrInfoSize = 40
	phdrSize     = 32
)

// iteratePhdr is dl_iterate_phdr: it calls callback(info, size, data) for every module, the main
// module first, until one returns something else than 0, and returns that. info is a struct
// dl_phdr_info of which the address, the name and one program header of type PT_LOAD, the module's
// data, are filled in. They stay until the call returns.
func (a *ABI) iteratePhdr(ctx context.Context, g *Guest, callback, data uint32) uint32 {
	call, err := g.Caller(ctx, wasm.FuncType{
		Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}, Results: []wasm.ValType{wasm.I32}})
	if err != nil {
		return 0
	}
	region, err := g.Take(ctx, phdrInfoSize+phdrSize, 8)
	if err != nil {
		return 0
	}
	defer a.Give(region)
	for _, m := range g.Snapshot(ctx).Search {
		if m.Joins {
			continue
		}
		name, err := a.intern(ctx, g, m, m.File)
		if err != nil {
			return 0
		}
		b, ok := a.Memory.At(region, phdrInfoSize+phdrSize)
		if !ok {
			return 0
		}
		where := a.DataArea(m)
		clear(b)
		// PT_LOAD
		for at, v := range map[int]uint32{0: where.Base, 4: name, 8: region + phdrInfoSize,
			phdrInfoSize: 1,
			// to be read and written
			phdrInfoSize + 16: where.Size, phdrInfoSize + 20: where.Size, phdrInfoSize + 24: 6} {
			binary.LittleEndian.PutUint32(b[at:], v)
		}
		binary.LittleEndian.PutUint16(b[12:], 1)
		r, err := call.Call(ctx,
			[]uint64{uint64(region), phdrInfoSize, uint64(data), uint64(callback)})
		if err != nil {
			panic(err)
		}
		if uint32(r[0]) != 0 {
			return uint32(r[0])
		}
	}
	return 0
}

// dlInfoSize is the size of Dl_info in C: file name, base address, symbol name, symbol address.
const dlInfoSize = 16

// dladdr tells which module and which symbol a pointer belongs to. It returns 0 when there is no
// such module. The strings stay as long as the module is loaded.
func (a *ABI) dladdr(ctx context.Context, g *Guest, pointer, info uint32) uint32 {
	l, ok := g.Locate(pointer)
	if !ok {
		return 0
	}
	words := [...]uint32{1: a.base(l.Module), 3: l.Pointer}
	for i, s := range map[int]string{0: l.File, 2: l.Symbol} {
		if s == "" {
			continue
		}
		address, err := a.intern(ctx, g, l.Module, s)
		if err != nil {
			return 0
		}
		words[i] = address
	}
	out, ok := a.Memory.At(info, dlInfoSize)
	if !ok {
		return 0
	}
	for i, w := range words {
		binary.LittleEndian.PutUint32(out[4*i:], w)
	}
	return 1
}

// base is what dladdr calls the base of a module: the address of its data, or, if it has none, the
// first of its entries of the function table, or its number. It tells modules apart.
func (a *ABI) base(m *image.Module) uint32 {
	switch data := a.DataArea(m); {
	case data.Base != 0:
		return data.Base
	case m.Fixed:
		return 0
	case m.Table.Size > 0:
		return m.Table.Base
	}
	return m.ID
}
