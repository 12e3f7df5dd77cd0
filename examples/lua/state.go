package main

import (
	"context"
	"errors"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Error is an error that a script raised and did not catch, or an error in its syntax.
type Error struct {
	Status  int    // LUA_ERRRUN (2), LUA_ERRSYNTAX (3), LUA_ERRMEM (4) or LUA_ERRERR (5)
	Message string // with the chunk's name and the line, if the script's error has them
}

// Error implements the error interface.
func (e *Error) Error() string { return "lua: " + e.Message }

// State is one Lua interpreter, with its own globals. One goroutine at a time uses it; different
// states run at once in different threads. It belongs to no thread: all have the same memory and
// the same function pointers.
type State struct {
	engine *Engine
	state  uint32 // lua_State *
}

// NewState makes an interpreter with Lua's standard libraries.
func (e *Engine) NewState(ctx context.Context, t *guest.Thread) (*State, error) {
	p, err := t.Call(ctx, "luaL_newstate")
	if err != nil {
		return nil, err
	}
	if p == 0 {
		return nil, guest.ErrMemory
	}
	s := &State{engine: e, state: p}
	if _, err := t.Call(ctx, "luaL_openlibs", p); err != nil {
		return nil, errors.Join(err, s.Close(ctx, t))
	}
	return s, nil
}

// Close frees the interpreter and runs its finalizers.
func (s *State) Close(ctx context.Context, t *guest.Thread) error {
	_, err := t.Call(context.WithoutCancel(ctx), "lua_close", s.state)
	return err
}

// Run runs a script, whose arguments are its "...", in a thread and returns its results as text.
// name is how error messages call it. An uncaught error is an [*Error].
func (s *State) Run(ctx context.Context, t *guest.Thread, name, script string,
	args ...string) ([]string, error) {
	var results []string
	err := s.use(ctx, t, func(st *stack, base int) {
		st.load("="+name, script)
		for _, arg := range args {
			st.pushString(arg)
		}
		st.protectedCall(len(args))
		results = st.strings(base + 1)
	})
	return results, err
}

// wrapper makes an ordinary Lua function of the C function: it raises an error where that returns
// false.
const wrapper = `local call = ...
return function(...)
	local r = table.pack(call(...))
	if not r[1] then error(r[2], 2) end
	return table.unpack(r, 2, r.n)
end`

// Register makes a Go function a global function of the interpreter.
func (s *State) Register(ctx context.Context, t *guest.Thread, name string, f Function) error {
	symbol, err := t.Symbol(ctx, linker.Default, callGo)
	if err != nil {
		return err
	}
	return s.use(ctx, t, func(st *stack, _ int) {
		st.load("=wrapper", wrapper)
		st.call("lua_pushinteger", s.engine.add(f))
		st.call("lua_pushcclosure", uint64(symbol.Pointer), 1)
		st.protectedCall(1)
		p := st.cString(name)
		defer st.free(p)
		st.call("lua_setglobal", uint64(p))
	})
}

// use does something with Lua's stack and leaves that as it was. base is how much was on it:
// something, when Lua has called Go, and Go calls Lua again.
func (s *State) use(ctx context.Context, t *guest.Thread, f func(st *stack, base int)) error {
	st := &stack{ctx: ctx, thread: t, state: s.state}
	base := st.top()
	f(st, base)
	err := st.err
	if raised := (*Error)(nil); err != nil && !errors.As(err, &raised) {
		return err // the guest is broken
	}
	st.err = nil
	st.setTop(base)
	return errors.Join(err, st.err)
}

const multipleResults = -1 // LUA_MULTRET

// load compiles a script and leaves its function on the stack.
func (s *stack) load(name, script string) {
	text, chunk := s.cString(script), s.cString(name)
	defer s.free(text)
	defer s.free(chunk)
	s.check(s.call("luaL_loadbufferx", uint64(text), uint64(len(script)), uint64(chunk), 0))
}

// protectedCall calls the function below the arguments. The function and arguments are replaced by
// the results.
func (s *stack) protectedCall(args int) {
	s.check(s.call("lua_pcallk", uint64(args), index(multipleResults), 0, 0, 0))
}

// check makes the error on top of Lua's stack one of Go's.
func (s *stack) check(status uint32) {
	if s.err != nil || status == 0 {
		return
	}
	message := s.text(-1)
	if s.err == nil {
		s.err = &Error{Status: int(status), Message: message}
	}
}
