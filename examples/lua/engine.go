package main

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Function is a Go function that Lua calls. Numbers arrive as strings, as Lua writes them. An error
// becomes a Lua error, which pcall catches.
type Function func(ctx context.Context, args []string) (results []string, err error)

// Engine is an image with Lua, and the Go functions that its scripts can call. It is safe for
// concurrent use.
type Engine struct {
	*guest.Image

	mu        sync.RWMutex
	functions []Function
}

// NewEngine links Lua. stdin, stdout and the like are those of module, which may be nil.
func NewEngine(ctx context.Context, runtime wazero.RuntimeConfig,
	module wazero.ModuleConfig) (*Engine, error) {
	e := &Engine{}
	i32 := []api.ValueType{api.ValueTypeI32}
	image, err := guest.Open(ctx,
		guest.Options{Main: libraries.MainLibc, Library: libraries.Lua, Runtime: runtime,
			Module: module, Host: func(ctx context.Context, rt wazero.Runtime) error {
				call := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
					results, err := e.call(ctx, uint32(stack[0]))
					if err != nil {
						panic(err) // ends the call from Go, as a trap does
					}
					stack[0] = uint64(results)
				})
				_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
					WithGoModuleFunction(call, i32, i32).Export(callGo).Instantiate(ctx)
				return err
			}})
	e.Image = image
	return e, err
}

// callGo is the lua_CFunction behind all Go functions.
const callGo = "lua_call_go"

// add makes a Function known and returns its number.
func (e *Engine) add(f Function) uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.functions = append(e.functions, f)
	return uint64(len(e.functions) - 1)
}

// call runs the Function whose number is the C function's first upvalue. It leaves true and the
// results on Lua's stack, or false and a message, and returns how many that are. It must not raise
// a Lua error itself: that is a longjmp, which would jump over Go's frames. The script that
// Register loads does it.
func (e *Engine) call(ctx context.Context, state uint32) (uint32, error) {
	s := &stack{ctx: ctx, thread: e.Main().In(linker.GroupFromContext(ctx)), state: state}
	number := s.integer(firstUpvalue)
	args := s.strings(1)
	if s.err != nil {
		return 0, s.err
	}
	e.mu.RLock()
	if number >= uint64(len(e.functions)) {
		e.mu.RUnlock()
		return 0, fmt.Errorf("lua: there is no Go function %d", number)
	}
	f := e.functions[number]
	e.mu.RUnlock()
	results, err := f(ctx, args)
	if err != nil {
		results = []string{err.Error()}
	}
	s.pushBool(err == nil)
	for _, r := range results {
		s.pushString(r)
	}
	return uint32(1 + len(results)), s.err
}

// stack is Lua's stack, as a caller of its C API sees it. After the first failure nothing is done
// any more.
type stack struct {
	ctx    context.Context
	thread *guest.Thread
	state  uint32 // lua_State *
	err    error
}

// Indexes and types of lua.h.
const (
	registryIndex = -1001000
	firstUpvalue  = registryIndex - 1

	typeNumber = 3
	typeString = 4
)

func (s *stack) call(name string, args ...uint64) uint32 {
	if s.err != nil {
		return 0
	}
	r, err := s.thread.CallWide(s.ctx, name, append([]uint64{uint64(s.state)}, args...)...)
	s.err = err
	return r
}

func index(i int) uint64 { return api.EncodeI32(int32(i)) }

func (s *stack) top() int         { return int(s.call("lua_gettop")) }
func (s *stack) setTop(n int)     { s.call("lua_settop", index(n)) }
func (s *stack) kind(i int) int32 { return int32(s.call("lua_type", index(i))) }

// integer returns the integer at an index. It is for small ones: a lua_Integer has 64 bits, of
// which a call returns 32.
func (s *stack) integer(i int) uint64 { return uint64(s.call("lua_tointegerx", index(i), 0)) }

// text returns a string or a number as Lua writes it; of another value, what type it has.
func (s *stack) text(i int) string {
	if kind := s.kind(i); s.err == nil && kind != typeString && kind != typeNumber {
		name, err := s.thread.String(s.call("lua_typename", index(int(kind))))
		s.err = errors.Join(s.err, err)
		return "(" + name + ")"
	}
	scratch := s.alloc(4)
	defer s.free(scratch)
	p := s.call("lua_tolstring", index(i), uint64(scratch))
	if s.err != nil {
		return ""
	}
	size, err := s.thread.Uint32(scratch)
	if err != nil {
		s.err = err
		return ""
	}
	b, err := s.thread.Bytes(p, size)
	s.err = err
	return string(b)
}

// strings returns the values from an index to the top, as text does.
func (s *stack) strings(from int) []string {
	var all []string
	for i, top := from, s.top(); i <= top && s.err == nil; i++ {
		all = append(all, s.text(i))
	}
	return all
}

func (s *stack) pushBool(b bool) {
	value := uint64(0)
	if b {
		value = 1
	}
	s.call("lua_pushboolean", value)
}

func (s *stack) pushString(text string) {
	p := s.cString(text)
	defer s.free(p)
	s.call("lua_pushlstring", uint64(p), uint64(len(text)))
}

func (s *stack) alloc(size uint32) (p uint32) {
	if s.err == nil {
		p, s.err = s.thread.Alloc(s.ctx, size)
	}
	return p
}

func (s *stack) cString(text string) (p uint32) {
	if s.err == nil {
		p, s.err = s.thread.CString(s.ctx, text)
	}
	return p
}

// free frees, also after a failure.
func (s *stack) free(p uint32) {
	if p != 0 {
		s.err = errors.Join(s.err, s.thread.Free(s.ctx, p))
	}
}
