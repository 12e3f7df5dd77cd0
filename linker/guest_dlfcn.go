package linker

import (
	"context"
	"encoding/binary"
	"errors"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
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

// dlFunctions are the functions of <dlfcn.h>, which guests import from env. They never end a call
// because of an error: that is for dlerror to tell. Only what ends the guest itself does: an exit,
// or a closed image.
func (l *Linker) dlFunctions() []hostFunction {
	i32 := api.ValueTypeI32
	one, two := []api.ValueType{i32}, []api.ValueType{i32, i32}
	return []hostFunction{
		{shim.ProvidedPrefix + "dlopen", two, one,
			guestFunction(func(ctx context.Context, g *Group, mod api.Module, stack []uint64) {
				stack[0] = uint64(g.dlopen(ctx, uint32(stack[0]), uint32(stack[1]),
					g.callerModule(mod)))
			})},
		{shim.ProvidedPrefix + "dlsym", two, one,
			guestFunction(func(ctx context.Context, g *Group, mod api.Module, stack []uint64) {
				stack[0] = uint64(g.dlsym(ctx, uint32(stack[0]), uint32(stack[1]),
					g.callerModule(mod)))
			})},
		{shim.ProvidedPrefix + "dlclose", one, one,
			guestFunction(func(ctx context.Context, g *Group, _ api.Module, stack []uint64) {
				err := g.guestClose(ctx, uint32(stack[0]))
				stack[0] = 0
				if g.dlFailed(err) {
					stack[0] = api.EncodeI32(-1)
				}
			})},
		{shim.ProvidedPrefix + "dlerror", nil, one,
			guestFunction(func(ctx context.Context, g *Group, _ api.Module, stack []uint64) {
				stack[0] = uint64(g.dlerror(ctx))
			})},
		{shim.ProvidedPrefix + "dl_iterate_phdr", two, one,
			guestFunction(func(ctx context.Context, g *Group, _ api.Module, stack []uint64) {
				stack[0] = uint64(g.dlIteratePhdr(ctx, uint32(stack[0]), uint32(stack[1])))
			})},
		{shim.ProvidedPrefix + "dladdr", two, one,
			guestFunction(func(ctx context.Context, g *Group, _ api.Module, stack []uint64) {
				stack[0] = uint64(g.dladdr(ctx, uint32(stack[0]), uint32(stack[1])))
			})},
	}
}

// dlIteratePhdr is dl_iterate_phdr: it calls callback(info, size, data) for every module, the main
// module first, until one returns something else than 0, and returns that. info is a struct
// dl_phdr_info of which the address, the name and one program header of type PT_LOAD, the module's
// data, are filled in. They stay until the call returns.
func (g *Group) dlIteratePhdr(ctx context.Context, callback, data uint32) uint32 {
	i32 := api.ValueTypeI32
	call, err := g.space.Caller(ctx, []api.ValueType{i32, i32, i32}, []api.ValueType{i32})
	if err != nil {
		return 0
	}
	area, err := g.l.heap.Take(ctx, heapGuest{g}, phdrInfoSize+phdrSize, 8)
	if err != nil {
		return 0
	}
	defer g.l.heap.Give(area)
	act := activationOf(ctx)
	for _, m := range act.snapshot().Search {
		if m.Joins {
			continue
		}
		name, err := g.l.names.intern(ctx, g, m, m.File)
		if err != nil {
			return 0
		}
		b, ok := g.l.shared.Mem.At(area, phdrInfoSize+phdrSize)
		if !ok {
			return 0
		}
		where := g.l.dataArea(m)
		clear(b)
		// PT_LOAD
		for at, v := range map[int]uint32{0: where.Base, 4: name, 8: area + phdrInfoSize,
			phdrInfoSize: 1,
			// to be read and written
			phdrInfoSize + 16: where.Size, phdrInfoSize + 20: where.Size, phdrInfoSize + 24: 6} {
			binary.LittleEndian.PutUint32(b[at:], v)
		}
		binary.LittleEndian.PutUint16(b[12:], 1)
		r, err := call.Call(ctx,
			[]uint64{uint64(area), phdrInfoSize, uint64(data), uint64(callback)})
		if err != nil {
			panic(err)
		}
		if uint32(r[0]) != 0 {
			return uint32(r[0])
		}
	}
	return 0
}

// Sizes of struct dl_phdr_info and of Elf32_Phdr in C for 32 bits.
const (
	phdrInfoSize = 40
	phdrSize     = 32
)

// errBadString is what dlopen and dlsym say of a name that does not end inside the memory.
var errBadString = errors.New("linker: the name is not in memory")

// errBadFlags is what dlopen says of flags that it does not know.
var errBadFlags = errors.New("linker: unknown flags for dlopen, or neither RTLD_LAZY nor RTLD_NOW")

func (g *Group) dlopen(ctx context.Context, path, flags uint32, caller *image.Module) uint32 {
	name, err := "", error(nil)
	if path != 0 {
		name, err = g.l.cString(path)
	}
	mode := openMode{now: flags&rtldNow != 0, noLoad: flags&rtldNoLoad != 0,
		global: flags&rtldGlobal != 0, noDelete: flags&rtldNoDelete != 0}
	var handle uint32
	switch {
	case flags&^(rtldLazy|rtldNow|rtldNoLoad|rtldLocal|rtldGlobal|rtldNoDelete) != 0 ||
		flags&(rtldLazy|rtldNow) == 0:
		err = errBadFlags
	case err == nil:
		handle, err = g.guestOpen(ctx, name, mode, caller)
	}
	g.dlFailed(err)
	return handle
}

func (g *Group) dlsym(ctx context.Context, handle, symbol uint32, caller *image.Module) uint32 {
	var pointer uint32
	name, err := g.l.cString(symbol)
	if err == nil {
		pointer, err = g.guestSymbol(ctx, handle, name, caller)
	}
	g.dlFailed(err)
	return pointer
}

// dlFailed keeps an error for dlerror and reports whether there was one.
func (g *Group) dlFailed(err error) bool {
	if err == nil {
		return false
	}
	fatal(err)
	g.dlError.err = err
	return true
}

// dlerror returns the address of what went wrong since it was last called, in words; 0 for nothing.
// The text stays until the next call of dlerror in the same group. When the guest has no memory for
// it, it is cut short.
func (g *Group) dlerror(ctx context.Context) uint32 {
	d := &g.dlError
	if d.err == nil {
		return 0
	}
	text := d.err.Error()
	d.err = nil
	if need := uint32(len(text)) + 1; need > d.size {
		size := max(need, 256)
		area, err := g.l.heap.Take(ctx, heapGuest{g}, size, 1)
		if err == nil {
			g.l.heap.Give(d.area)
			g.l.heap.Own(heapGuest{g}, area)
			d.area, d.size = area, size
		}
	}
	b, ok := g.l.shared.Mem.At(d.area, d.size)
	if !ok || d.area == 0 {
		return 0
	}
	b[copy(b[:len(b)-1], text)] = 0
	return d.area
}
