package linker

import (
	"sync"
	"sync/atomic"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
)

// attention tells guests that call a host function whether that has to be a safepoint. It is a
// global of each host shim, which is up or down; guests cannot reach it. As long as it is down, a
// host function costs what it costs without a linker. It is safe for concurrent use.
//
// It is raised when there is a reason, and the reason comes first. A safepoint takes it down and
// then looks whether there is a reason still, so none is missed. A guest may read an old value: its
// next call is the safepoint then.
type attention struct {
	up     atomic.Bool
	mu     sync.Mutex // guards what follows, and up when it changes; taken before groupList.mu
	flags  []api.MutableGlobal
	reason func() bool // may call nothing that waits
	held   int         // above 0 the flag stays up after a safepoint
}

// add begins with the present value, so that a shim made while a reason lasts has it too.
func (a *attention) add(hostShim api.Module) {
	a.mu.Lock()
	defer a.mu.Unlock()
	flag, ok := hostShim.ExportedGlobal(shim.AttentionExport).(api.MutableGlobal)
	if !ok {
		return
	}
	a.flags = append(a.flags, flag)
	a.set(a.up.Load())
}

// raise makes every guest have a look when it next calls a host function.
func (a *attention) raise() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set(true)
}

// settle takes the flag down, unless there is a reason.
func (a *attention) settle() {
	if !a.up.Load() {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.set(false)
	if a.held > 0 || a.reason() {
		a.set(true)
	}
}

// hold keeps the flag up until release is called.
func (a *attention) hold() (release func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.held++
	a.set(true)
	return func() {
		a.mu.Lock()
		a.held--
		a.mu.Unlock()
		a.settle()
	}
}

// set is called with the mutex held.
func (a *attention) set(up bool) {
	value := uint64(0)
	if up {
		value = 1
	}
	a.up.Store(up)
	for _, flag := range a.flags {
		flag.Set(value)
	}
}
