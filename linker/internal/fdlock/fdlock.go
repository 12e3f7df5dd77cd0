package fdlock

import (
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Streamed reports whether a function of WASI is called in the instance of the standard streams
// when it is about one.
func Streamed(name string, typ wasm.FuncType) bool {
	if name == PollFunction {
		return typ.Equal(PollType)
	}
	a, descriptor := Classify(name, typ)
	return descriptor == 0 && strings.HasPrefix(name, "fd_") && a != Close && a != Change
}

// PollFunction is the one function of WASI that has its descriptors in memory.
const PollFunction = "poll_oneoff"

// PollType is its signature.
var PollType = wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32, wasm.I32},
	Results: []wasm.ValType{wasm.I32}}

// Classify tells what a function of WASI does, and which parameter is the descriptor; -1 for none.
func Classify(name string, typ wasm.FuncType) (a Access, descriptor int) {
	switch name {
	case "sched_yield", "clock_time_get", "clock_res_get", "random_get",
		"args_get", "args_sizes_get", "environ_get", "environ_sizes_get", "proc_raise":
		return None, -1
	case "path_open", "path_link", "path_rename", "fd_renumber", "sock_accept":
		return Change, -1
	case "fd_close":
		a = Close
	case "fd_fdstat_set_flags":
		a = Flags
	case "fd_read", "fd_pread", "sock_recv":
		a = In
	case "fd_write", "fd_pwrite", "sock_send":
		a = Out
	case "path_symlink":
		a, descriptor = File, 2
	default:
		a = File
	}
	if len(typ.Params) <= descriptor || typ.Params[descriptor] != wasm.I32 {
		return Change, -1 // nothing that is known
	}
	return a, descriptor
}

// Quick reports whether a function of WASI has to do with nothing that waits: no file, and no
// source of random numbers.
func Quick(name string) bool {
	switch name {
	case "sched_yield", "clock_time_get", "clock_res_get", "args_get", "args_sizes_get",
		"environ_get", "environ_sizes_get":
		return true
	}
	return false
}

// Access is what a function of a system interface does to the files that all groups share. wazero
// does not guard them. See spec/rationale.md, "Why have the standard streams an instance of their
// own?".
type Access int32

// What functions do.
const (
	None   Access = iota // nothing, but it may wait
	In                   // reads from a descriptor, and may wait for it
	Out                  // writes to one, likewise
	File                 // anything else with one descriptor
	Flags                // sets a descriptor's flags
	Change               // opens, closes or moves one, or has to do with two
	Close                // closes one
	Poll                 // looks several up, and may wait
)

// Locks guards what a system interface has for all groups. The table of open files is one thing;
// what an open file consists of, another; and the standard streams, which may make a group wait for
// as long as they like, are a third.
type Locks struct {
	// the table: held for writing to change it, for reading to look a file up
	files  sync.RWMutex
	inputs keyedLocks // the files, by their numbers; taken after the table
	// the same, after inputs: who waits for a socket's input must not hold up who writes to it
	outputs keyedLocks
	streams [3]stream
}

// stream is standard input, output or error.
type stream struct {
	closed atomic.Bool  // the number may be another file's now
	use    sync.RWMutex // held for writing by who sets flags
	// taken after use by calls that neither read nor write, so that they do not meet
	look sync.Mutex
}

type keyedLock struct {
	mu    sync.Mutex
	users int // guarded by keyedLocks.mu
}

// keyedLocks is a mutex for each number. Its zero value is ready.
type keyedLocks struct {
	mu    sync.Mutex           // guards locks, and the users of each
	locks map[int32]*keyedLock // those that a call has or waits for
}

// lock takes the mutex of a number, and returns what releases it.
func (k *keyedLocks) lock(key int32) (unlock func()) {
	k.mu.Lock()
	if k.locks == nil {
		k.locks = map[int32]*keyedLock{}
	}
	l := k.locks[key]
	if l == nil {
		l = &keyedLock{}
		k.locks[key] = l
	}
	l.users++
	k.mu.Unlock()
	l.mu.Lock()
	return func() {
		l.mu.Unlock()
		k.mu.Lock()
		defer k.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(k.locks, key)
		}
	}
}

// Lock takes what a call needs.
func (s *Locks) Lock(a Access, descriptor int32) (streams uint64, unlock func()) {
	stream := s.stream(descriptor)
	switch {
	case a == None:
		// in the instance whose table never changes, in case that memory has changed
		return 1, nil
	case a == Poll:
		s.files.RLock()
		return 0, s.files.RUnlock
	case a == Close || a == Change || a == Flags && stream == nil:
		s.files.Lock()
		if a == Close && stream != nil {
			stream.closed.Store(true)
		}
		return 0, s.files.Unlock
	case stream == nil:
		s.files.RLock()
		in, out := func() {}, func() {}
		if a != Out {
			in = s.inputs.lock(descriptor)
		}
		if a != In {
			out = s.outputs.lock(descriptor)
		}
		return 0, func() {
			out()
			in()
			s.files.RUnlock()
		}
	case a == Flags:
		stream.use.Lock()
		return 1, stream.use.Unlock
	case a == In || a == Out:
		stream.use.RLock()
		return 1, stream.use.RUnlock
	}
	stream.use.RLock()
	stream.look.Lock()
	return 1, func() {
		stream.look.Unlock()
		stream.use.RUnlock()
	}
}

// stream returns the standard stream that has a number, or nil.
func (s *Locks) stream(descriptor int32) *stream {
	if descriptor < 0 || int(descriptor) >= len(s.streams) || s.streams[descriptor].closed.Load() {
		return nil
	}
	return &s.streams[descriptor]
}

// SubscriptionSize is how many bytes a subscription of WASI has.
const SubscriptionSize = 48

// PollAccess tells what a poll_oneoff of some subscriptions needs. Byte 8 of each is its kind, 0
// for a clock, and the descriptor of the others is at byte 16.
func (s *Locks) PollAccess(b []byte) (a Access, descriptor int32) {
	const clock, kindAt, descriptorAt = 0, 8, 16
	for ; len(b) > 0; b = b[SubscriptionSize:] {
		if b[kindAt] == clock {
			continue
		}
		fd := int32(binary.LittleEndian.Uint32(b[descriptorAt:]))
		if s.stream(fd) == nil {
			return Poll, -1
		}
		a, descriptor = In, fd
	}
	return a, descriptor
}
