package emscripten

import (
	"context"
	"errors"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// exceptions are the C++ exceptions that are under way in a group. The goroutine inside the group
// uses it.
type exceptions struct {
	last     uint32 // the one that was thrown last, until it has been caught and let go
	caught   []uint32
	uncaught uint32
}

// maxCaught is how many exceptions may be caught within each other.
const maxCaught = 1 << 16

// The header in front of an exception's object.
//
// Source: Emscripten's src/lib/libexceptions.js and libcxxabi's cxa_exception_js_utils.cpp.
const (
	exceptionHeader    = 24
	exceptionType      = 4
	exceptionDestroy   = 8
	exceptionCaught    = 12
	exceptionRethrown  = 13
	exceptionAdjusted  = 16
	typeInfoName       = 4 // in a std::type_info
	catchAll           = 0
	exceptionNoPointer = 0
)

func (c *call) exceptions() *exceptions {
	x, _ := c.p.exc.LoadOrStore(c.g, &exceptions{})
	return x.(*exceptions)
}

// throw unwinds to the frame that catches the exception, or to Go.
func (c *call) throw(object uint32) uint64 {
	e := &Exception{Pointer: object}
	if typ := c.mem.u32(object - exceptionHeader + exceptionType); typ != 0 {
		if name, ok := c.p.typeName(c.mem, typ); ok {
			e.Type = name
		}
	}
	c.exceptions().last = object
	panic(e)
}

// typeName reads the name out of a std::type_info.
func (p *Program) typeName(m memory, typ uint32) (name string, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(vfs.Errno); !fault {
				panic(r)
			}
		}
	}()
	return readable(m.text(m.u32(typ + typeInfoName))), true
}

// setTempRet is where 64-bit results, and the types of exceptions, go besides a result.
func (c *call) setTempRet(v uint32) {
	if _, found := c.oneOf([]string{"_emscripten_tempret_set"}, uint64(v)); found {
		return
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.tempRet = v
}

// exceptionFunctions are longjmp and C++ exceptions in JavaScript style.
var exceptionFunctions = map[string]function{
	"_emscripten_throw_longjmp": {"", func(*call) uint64 { panic(ErrLongjmp) }},
	"emscripten_longjmp": {"ii", func(c *call) uint64 {
		c.guest("setThrew", uint64(c.u32(0)), uint64(max(c.u32(1), 1)))
		panic(ErrLongjmp)
	}},
	"setTempRet0": {"i", func(c *call) uint64 { c.setTempRet(c.u32(0)); return 0 }},
	"getTempRet0": {"", func(c *call) uint64 {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		return uint64(c.p.tempRet)
	}},
	"__cxa_allocate_exception": plain("i", func(c *call) uint64 {
		at := uint32(c.guest("malloc", uint64(c.u32(0)+exceptionHeader)))
		if at == exceptionNoPointer {
			panic(linker.ErrNoMemory)
		}
		clear(c.mem.bytes(at, exceptionHeader))
		return uint64(at + exceptionHeader)
	}),
	"__cxa_free_exception": {"i",
		func(c *call) uint64 { return c.guest("free", uint64(c.u32(0)-exceptionHeader)) }},
	"__cxa_throw": plain("iii", func(c *call) uint64 {
		header := c.u32(0) - exceptionHeader
		c.mem.put32(header+exceptionAdjusted, 0)
		c.mem.put32(header+exceptionType, c.u32(1))
		c.mem.put32(header+exceptionDestroy, c.u32(2))
		c.exceptions().uncaught++
		return c.throw(c.u32(0))
	}),
	"__resumeException": plain("i", func(c *call) uint64 {
		x := c.exceptions()
		if x.last == 0 {
			x.last = c.u32(0)
		}
		return c.throw(x.last)
	}),
	"__cxa_begin_catch": plain("i", func(c *call) uint64 {
		x, object := c.exceptions(), c.u32(0)
		header := c.mem.bytes(object-exceptionHeader, exceptionHeader)
		if header[exceptionCaught] == 0 {
			header[exceptionCaught] = 1
			x.uncaught -= min(x.uncaught, 1)
		}
		header[exceptionRethrown] = 0
		if len(x.caught) >= maxCaught {
			panic(&AbortError{Message: "too many exceptions within each other"})
		}
		x.caught = append(x.caught, object)
		c.oneOf([]string{"__cxa_increment_exception_refcount"}, uint64(object))
		return uint64(c.object(object))
	}),
	"__cxa_get_exception_ptr": plain("i",
		func(c *call) uint64 { return uint64(c.object(c.u32(0))) }),
	"__cxa_end_catch": plain("", func(c *call) uint64 {
		x := c.exceptions()
		c.guest("setThrew", 0, 0)
		if len(x.caught) == 0 {
			panic(&AbortError{Message: "no exception to let go"})
		}
		object := x.caught[len(x.caught)-1]
		x.caught = x.caught[:len(x.caught)-1]
		c.oneOf([]string{"__cxa_decrement_exception_refcount"}, uint64(object))
		x.last = 0
		return 0
	}),
	"__cxa_rethrow": plain("", func(c *call) uint64 {
		x := c.exceptions()
		if len(x.caught) == 0 {
			panic(&AbortError{Message: "no exception to throw"})
		}
		object := x.caught[len(x.caught)-1]
		header := c.mem.bytes(object-exceptionHeader, exceptionHeader)
		if header[exceptionRethrown] == 0 { // catching it ends once more
			header[exceptionRethrown], header[exceptionCaught] = 1, 0
			x.uncaught++
		} else {
			x.caught = x.caught[:len(x.caught)-1]
		}
		return c.throw(object)
	}),
	"__cxa_uncaught_exceptions": {"",
		func(c *call) uint64 { return uint64(c.exceptions().uncaught) }},
	"llvm_eh_typeid_for": {"i", func(c *call) uint64 { return uint64(c.u32(0)) }},
}

// object returns what a catch clause gets for an exception.
func (c *call) object(exception uint32) uint32 {
	if r, found := c.oneOf([]string{"__cxa_get_exception_ptr"}, uint64(exception)); found {
		return uint32(r)
	}
	header := exception - exceptionHeader
	if r, found := c.oneOf([]string{"__cxa_is_pointer_type"},
		uint64(c.mem.u32(header+exceptionType))); found && uint32(r) != 0 {
		return c.mem.u32(exception)
	}
	if adjusted := c.mem.u32(header + exceptionAdjusted); adjusted != 0 {
		return adjusted
	}
	return exception
}

// findCatch makes the function that decides which of some types, its arguments, catches the present
// exception.
func (p *Program) findCatch(params []api.ValueType) api.GoModuleFunction {
	types := make([]byte, len(params))
	for i := range types {
		types[i] = 'i'
	}
	return p.bind(plain(string(types), func(c *call) uint64 {
		thrown := c.exceptions().last
		if thrown == 0 {
			c.setTempRet(0)
			return 0
		}
		header := thrown - exceptionHeader
		c.mem.put32(header+exceptionAdjusted, thrown)
		typ := c.mem.u32(header + exceptionType)
		if typ == 0 {
			c.setTempRet(0)
			return uint64(thrown)
		}
		for i := range c.a {
			want := c.u32(i)
			if want == catchAll || want == typ {
				break
			}
			if uint32(c.guest("__cxa_can_catch", uint64(want), uint64(typ),
				uint64(header+exceptionAdjusted))) != 0 {
				c.setTempRet(want)
				return uint64(thrown)
			}
		}
		c.setTempRet(typ)
		return uint64(thrown)
	}), params, []api.ValueType{api.ValueTypeI32})
}

// Functions that were renamed over time.
var (
	stackSave    = []string{"emscripten_stack_get_current", "stackSave"}
	stackRestore = []string{"_emscripten_stack_restore", "stackRestore"}
)

// invoke makes an invoke_ function: it calls a function pointer and catches what longjmp and throw
// unwind with.
func (p *Program) invoke(params, results []api.ValueType) api.GoModuleFunction {
	if len(params) == 0 || params[0] != api.ValueTypeI32 {
		return nil
	}
	n := len(params) - 1
	return api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		c := &call{ctx: ctx, g: linker.GroupFromContext(ctx), p: p}
		sp, saved := c.oneOf(stackSave)
		r, err := c.g.CallPointer(ctx, uint32(stack[0]), params[1:], results,
			append([]uint64(nil), stack[1:1+n]...)...)
		if err == nil {
			copy(stack, r)
			return
		}
		if thrown := (*Exception)(nil); !errors.Is(err, ErrLongjmp) && !errors.As(err, &thrown) {
			panic(err)
		}
		if saved {
			c.oneOf(stackRestore, sp)
		}
		c.guest("setThrew", 1, 0)
		for i := range results {
			stack[i] = 0
		}
	})
}
