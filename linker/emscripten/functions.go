package emscripten

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// call is one call of a function of the host.
type call struct {
	ctx context.Context
	g   *linker.Group
	p   *Program
	mem memory
	a   []uint64 // the arguments, 64-bit ones whole
}

func (c *call) u32(i int) uint32 { return uint32(c.a[i]) }
func (c *call) i32(i int) int32  { return int32(uint32(c.a[i])) }
func (c *call) i64(i int) int64  { return int64(c.a[i]) }

// function is a function of the host. Its signatures are written with the letters i, j, f and d,
// several of them separated by "|"; results are whatever the program wants them to be.
type function struct {
	types string
	run   func(c *call) uint64
}

// system makes a function of a system call. Its error numbers come back as negative numbers.
func system(types string, run func(c *call) (int, error)) function {
	return function{types, func(c *call) uint64 { return failing(c, run, -1) }}
}

// wasi makes a function of WASI, whose error numbers come back as they are.
func wasi(types string, run func(c *call) error) function {
	return function{types, func(c *call) uint64 {
		return failing(c, func(c *call) (int, error) { return 0, run(c) }, 1)
	}}
}

func failing(c *call, run func(c *call) (int, error), sign int32) (result uint64) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(vfs.Errno)
			if !ok {
				panic(r)
			}
			result = api.EncodeI32(sign * int32(e))
		}
	}()
	n, err := run(c)
	if err != nil {
		return api.EncodeI32(sign * int32(vfs.Number(err)))
	}
	return api.EncodeI32(int32(n))
}

// plain makes a function that cannot fail.
func plain(types string, run func(c *call) uint64) function {
	return function{types, func(c *call) uint64 {
		defer func() {
			if r := recover(); r == vfs.EFAULT {
				panic(&AbortError{Message: "address out of bounds"})
			} else if r != nil {
				panic(r)
			}
		}()
		return run(c)
	}}
}

func constant(types string, v uint64) function {
	return function{types, func(*call) uint64 { return v }}
}

var letters = map[byte]api.ValueType{'i': api.ValueTypeI32, 'j': api.ValueTypeI64,
	'f': api.ValueTypeF32, 'd': api.ValueTypeF64}

// shape says how arguments of a program become those of a function: each is one, or the two halves
// of a 64-bit one, as Emscripten before 4.0 passes them.
type shape []int

// match returns the shape of params as a signature; false if they have none.
func match(types string, params []api.ValueType) (shape, bool) {
	for typ := range strings.SplitSeq(types, "|") {
		var whole, split []api.ValueType
		var s, halves shape
		for _, letter := range []byte(typ) {
			t := letters[letter]
			whole, s = append(whole, t), append(s, 1)
			if t == api.ValueTypeI64 {
				split, halves = append(split, api.ValueTypeI32, api.ValueTypeI32), append(halves, 2)
			} else {
				split, halves = append(split, t), append(halves, 1)
			}
		}
		if slices.Equal(whole, params) {
			return s, true
		}
		if slices.Equal(split, params) {
			return halves, true
		}
	}
	return nil, false
}

// bind makes a function of the host one with the signature that the program imports it with; nil if
// it cannot be that.
func (p *Program) bind(f function, params, results []api.ValueType) api.GoModuleFunction {
	s, ok := match(f.types, params)
	if !ok {
		return nil
	}
	return api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		g := linker.GroupFromContext(ctx)
		c := &call{ctx: ctx, g: g, p: p, mem: memory{g.Linker()}, a: make([]uint64, 0, len(s))}
		at := 0
		for _, words := range s {
			v := stack[at]
			if words == 2 {
				v = uint64(uint32(v)) | stack[at+1]<<32
			}
			c.a = append(c.a, v)
			at += words
		}
		r := f.run(c)
		if len(results) > 0 {
			stack[0] = r
		}
	})
}

// find is what the linker asks for the functions that modules import.
func (p *Program) find(namespace, name string, params,
	results []api.ValueType) api.GoModuleFunction {
	if strings.HasPrefix(namespace, "wasi_") {
		if f, ok := wasiFunctions[name]; ok {
			return p.bind(f, params, results)
		}
		return nil
	}
	if namespace != "env" {
		return nil
	}
	if f := p.config.functions[name]; f != nil {
		return f
	}
	if f, ok := functions[name]; ok {
		if g := p.bind(f, params, results); g != nil {
			return g
		}
	}
	if f := p.shaped(name, params, results); f != nil {
		return f
	}
	if p.config.fallback != nil {
		return p.config.fallback(name, params, results)
	}
	return nil
}

// shaped finds the functions whose names say what they are called with.
func (p *Program) shaped(name string, params, results []api.ValueType) api.GoModuleFunction {
	switch {
	case strings.HasPrefix(name, "invoke_"):
		return p.invoke(params, results)
	case strings.HasPrefix(name, "__cxa_find_matching_catch_"):
		return p.findCatch(params)
	case strings.HasPrefix(name, "emscripten_asm_const_"),
		name == "emscripten_asm_const_int_sync_on_main_thread":
		return p.asmConst(params, results)
	}
	return nil
}

// functions are those of env, by name. Nothing changes it.
var functions = merged(fileCalls, directoryCalls, processCalls, mappingCalls, timeFunctions,
	exceptionFunctions, dlFunctions, nameFunctions)

func merged(tables ...map[string]function) map[string]function {
	all := map[string]function{}
	for _, t := range tables {
		for name, f := range t {
			all[name] = f
		}
	}
	return all
}

// guest calls a function of the program. An error ends the call of the host that it is in, as a
// trap in the program itself would.
func (c *call) guest(name string, args ...uint64) uint64 {
	r, err := c.g.Call(c.ctx, linker.Default, name, args...)
	if err != nil {
		panic(err)
	}
	if len(r) == 0 {
		return 0
	}
	return r[0]
}

// optional calls a function that the program may not have, or with another number of parameters.
func (c *call) optional(name string, args ...uint64) (result uint64, found bool, err error) {
	r, err := c.g.Call(c.ctx, linker.Default, name, args...)
	if e := (*linker.UndefinedSymbolError)(nil); errors.As(err, &e) && e.Symbol == name {
		return 0, false, nil
	}
	if len(r) > 0 {
		result = r[0]
	}
	return result, err == nil, err
}

// oneOf calls the first function of some names that the program has: they were renamed over time.
func (c *call) oneOf(names []string, args ...uint64) (result uint64, found bool) {
	for _, name := range names {
		r, found, err := c.optional(name, args...)
		if err != nil {
			panic(err)
		}
		if found {
			return r, true
		}
	}
	return 0, false
}

func (c *call) pointer(pointer uint32, params, results []api.ValueType, args ...uint64) uint64 {
	r, err := c.g.CallPointer(c.ctx, pointer, params, results, args...)
	if err != nil {
		panic(err)
	}
	if len(r) == 0 {
		return 0
	}
	return r[0]
}
