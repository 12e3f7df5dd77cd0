package linker

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// The engine's own memory.atomic.wait blocks where no goroutine can wake or serve the group: a link
// operation would wait for it for as long as it waits for another thread. So in every module that
// has such instructions they are calls of the functions here, which park the group, and all notify
// each other. A start function runs when the linker has filled the module's table of these
// functions, so that the context of its load ends its waits, too.

// Results of a wait.
const (
	waitWoken    = 0
	waitNotEqual = 1
	waitTimedOut = 2
)

// Notify wakes up to n of those who wait at an address of the memory, as the instruction
// memory.atomic.notify does, and returns how many there were. Host functions and other goroutines
// wake guests with it.
func (l *Linker) Notify(address, n uint32) uint32 { return l.futexes.Wake(address, n) }

// mayWait returns why a guest must not begin to wait. It is called with the lock of the futexes, so
// that what ends a wait comes before it or finds it in its queue.
func (act *activation) mayWait(ctx context.Context) error {
	g := act.group
	if err := g.alive(); err != nil {
		return err
	}
	if g.forgotten.Load() {
		return ErrGroupClosed
	}
	if g.l.config.loopSafepoints {
		return act.interruption(ctx)
	}
	return nil
}

// wait blocks until the address is notified, the time-out is over (nanoseconds; below zero, there
// is none), the context or the group ends. Meanwhile the group is parked.
func (g *Group) wait(ctx context.Context, address uint32, timeout int64, check func() bool) (uint32,
	error) {
	act := activationOf(ctx)
	if act.Replay { // no guest runs that could wake it, and no context ends it
		switch {
		case !check():
			return waitNotEqual, nil
		case timeout < 0:
			return 0, ErrReplay
		}
		return waitTimedOut, nil
	}
	x, err := g.l.futexes.Enqueue(address, g, func() (bool, error) {
		if err := act.mayWait(ctx); err != nil {
			return false, err
		}
		return check(), nil
	})
	switch {
	case err != nil:
		return 0, err
	case x == nil:
		return waitNotEqual, nil
	}
	result := uint32(waitWoken)
	var timer <-chan time.Time
	if timeout >= 0 {
		t := time.NewTimer(time.Duration(timeout))
		defer t.Stop()
		timer = t.C
	}
	// block reports whether the wait is over.
	block := func(wanted <-chan struct{}) bool {
		select {
		case <-x.Done():
			err = x.Err
		case <-timer:
			if g.l.futexes.Remove(x) {
				result = waitTimedOut
			}
		case <-ctx.Done():
			if g.l.futexes.Remove(x) {
				err = ctx.Err()
			}
		case <-wanted:
			return false
		}
		return true
	}
	for !act.parks() { // others run still, until the operation is published
		switch {
		case act.op != nil && act.op.broken != nil:
			g.l.futexes.Remove(x)
			return 0, act.op.broken
		case act.mustGiveWay():
			if err := act.giveWay(ctx); err != nil {
				g.l.futexes.Remove(x)
				return 0, err
			}
		case act.waitsForItself(timeout):
			g.l.futexes.Remove(x)
			return 0, ErrThreadPending
		case block(act.wanted()):
			return result, err
		}
	}
	if failed := g.Block(ctx, func() { block(nil) }); failed != nil {
		err = errors.Join(err, failed)
	}
	return result, err
}

func newWaitHooks() space.HookTable {
	names := []string{wasm.HookWait32: "wait32", wasm.HookWait64: "wait64",
		wasm.HookNotify: "notify"}
	return space.HookTable{Name: shim.ReservedPrefix + "waits", Functions: names,
		Types: wasm.HookTypes()}
}

func (l *Linker) waitFunctions() []hostFunction {
	run := [...]func(ctx context.Context, g *Group, _ api.Module, stack []uint64){
		wasm.HookWait32: func(ctx context.Context, g *Group, _ api.Module, stack []uint64) {
			b, at := l.atomicWord(stack[0]&(1<<32-1), stack[3]&(1<<32-1), 4)
			expected := littleEndian32(uint32(stack[1]))
			r, err := g.wait(ctx, at, int64(stack[2]), func() bool {
				return atomic.LoadUint32((*uint32)(unsafe.Pointer(&b[0]))) == expected
			})
			if err != nil {
				panic(err)
			}
			stack[0] = uint64(r)
		},
		wasm.HookWait64: func(ctx context.Context, g *Group, _ api.Module, stack []uint64) {
			b, at := l.atomicWord(stack[0]&(1<<32-1), stack[3]&(1<<32-1), 8)
			expected := littleEndian64(stack[1])
			r, err := g.wait(ctx, at, int64(stack[2]), func() bool {
				return atomic.LoadUint64((*uint64)(unsafe.Pointer(&b[0]))) == expected
			})
			if err != nil {
				panic(err)
			}
			stack[0] = uint64(r)
		},
		wasm.HookNotify: func(_ context.Context, _ *Group, _ api.Module, stack []uint64) {
			_, at := l.atomicWord(stack[0]&(1<<32-1), stack[2]&(1<<32-1), 4)
			stack[0] = uint64(l.Notify(at, uint32(stack[1])))
		},
	}
	var functions []hostFunction
	for k, t := range wasm.HookTypes() {
		public := publicType(t)
		functions = append(functions,
			hostFunction{l.waitHooks.Functions[k], public.Params, public.Results,
				guestFunction(run[k])})
	}
	return functions
}

// littleEndian32 is what this machine finds where the guest has written v.
func littleEndian32(v uint32) uint32 {
	return binary.NativeEndian.Uint32(binary.LittleEndian.AppendUint32(nil, v))
}

func littleEndian64(v uint64) uint64 {
	return binary.NativeEndian.Uint64(binary.LittleEndian.AppendUint64(nil, v))
}

// atomicWord returns n aligned bytes of the memory at an address and a constant offset.
func (l *Linker) atomicWord(address, offset uint64, n uint32) ([]byte, uint32) {
	at := address + offset
	if at%uint64(n) != 0 {
		panic(ErrUnaligned)
	}
	b, ok := l.shared.Mem.At(uint32(at), n)
	if !ok || at > 1<<32-1 {
		panic(ErrOutOfBounds)
	}
	return b, uint32(at)
}
