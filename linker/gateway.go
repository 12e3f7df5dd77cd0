package linker

import (
	"context"
	"sync"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// gateway is the generated module through which guests call the functions of a host module. There is one of it for
// all groups: it is what host functions get as their caller, with the image's memory, and what WASI hangs
// its open files on.
type gateway struct {
	namespace string
	functions []*function
	host      string // the runtime's name of the linker's own host module
	shared    bool   // the memory is
	// system tells what a function of a system interface needs; nil makes every call a safepoint instead.
	system func(name string) access
}

// build writes the module.
func (g *gateway) build() ([]byte, error) {
	var b wasm.Builder
	nothing := b.Type(nil, nil)
	var before, begin, end, exit, poll uint32
	if g.system == nil {
		before = b.ImportFunc(g.host, hostSafepoint, nothing)
	} else {
		begin = b.ImportFunc(g.host, hostSystem, b.Type([]wasm.ValType{wasm.I32}, nil))
		end = b.ImportFunc(g.host, hostSystemEnd, nothing)
		poll = b.ImportFunc(g.host, hostPoll, b.Type([]wasm.ValType{wasm.I32, wasm.I32}, []wasm.ValType{wasm.I32}))
		exit = b.ImportFunc(g.host, hostExit, b.Type([]wasm.ValType{wasm.I32}, nil))
	}
	targets := make([]uint32, len(g.functions))
	for i, fn := range g.functions {
		if g.exits(fn) {
			targets[i] = exit
		} else {
			targets[i] = b.ImportFunc(g.namespace, fn.name, b.Type(fn.typ.Params, fn.typ.Results))
		}
	}
	b.ImportMemory(memoryNamespace, "memory", anyMemory(g.shared))
	for i, fn := range g.functions {
		var c wasm.Code
		waits := g.system != nil && !g.exits(fn)
		switch {
		case waits && fn.name == "poll_oneoff" && len(fn.typ.Params) == 4:
			c.LocalGet(0).LocalGet(2).Call(poll).Call(begin)
		case waits:
			c.I32Const(int32(g.system(fn.name))).Call(begin)
		case g.system == nil:
			c.Call(before)
		}
		for p := range fn.typ.Params {
			c.LocalGet(uint32(p))
		}
		c.Call(targets[i])
		if waits {
			c.Call(end)
		}
		b.ExportFunc(fn.name, b.Func(b.Type(fn.typ.Params, fn.typ.Results), nil, &c))
	}
	return b.Bytes()
}

// exits reports whether a function is the system interface's way to exit. The host's own closes its caller, which
// here would be everybody's gateway.
func (g *gateway) exits(fn *function) bool {
	return g.system != nil && fn.name == "proc_exit" && fn.typ.Equal(wasm.FuncType{Params: []wasm.ValType{wasm.I32}})
}

// access is what a function of a system interface does to the files that all groups share. wazero does not
// guard them.
type access int32

const (
	accessNone   access = iota // nothing, but it may wait
	accessRead                 // looks an open file up
	accessChange               // opens or closes one
)

// systemAccess classifies the functions of WASI.
func systemAccess(name string) access {
	switch name {
	case "sched_yield", "clock_time_get", "clock_res_get", "random_get",
		"args_get", "args_sizes_get", "environ_get", "environ_sizes_get":
		return accessNone
	case "path_open", "fd_close", "fd_renumber", "sock_accept", "fd_readdir":
		return accessChange
	}
	return accessRead
}

// pollAccess tells what a poll_oneoff needs: a mere sleep looks no file up, and must not hold up those who open one.
// A subscription of WASI has 48 bytes, and byte 8 is its kind, 0 for a clock.
func (m *imageMemory) pollAccess(subscriptions, n uint32) access {
	const size, clock = 48, 0
	if n > 1<<16 {
		return accessRead
	}
	b, ok := m.at(subscriptions, n*size)
	for i := uint32(0); ok && i < n; i++ {
		if b[i*size+8] != clock {
			return accessRead
		}
	}
	return accessNone
}

// system guards what a system interface has for all groups.
type system struct{ files sync.RWMutex }

// begin is called before a function of a system interface, which may wait: the group is parked meanwhile, so
// that nobody waits for it. It is a safepoint, too.
func (s *system) begin(ctx context.Context, a access) {
	e := entryOf(ctx)
	if e == nil {
		panic(ErrNoGroup)
	}
	if e.parks() {
		if err := e.group.alive(); err != nil {
			panic(err)
		}
		e.group.member.Park()
		e.parked = true
	}
	switch a {
	case accessRead:
		s.files.RLock()
		e.unlock = s.files.RUnlock
	case accessChange:
		s.files.Lock()
		e.unlock = s.files.Unlock
	}
}

// end is called after it.
func (s *system) end(ctx context.Context) {
	e := entryOf(ctx)
	e.endSystem()
	if e.parked {
		e.parked = false
		if err := e.group.resume(ctx); err != nil {
			panic(err)
		}
	}
}

// parks reports whether others could wait for the group that a goroutine is inside: not while it leads or replays
// an operation.
func (e *entry) parks() bool { return e.tx == nil && !e.replay }

// endSystem releases what begin took.
func (e *entry) endSystem() {
	if e.unlock != nil {
		e.unlock()
		e.unlock = nil
	}
}
