package linker

import (
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// streamed reports whether a function of WASI is called in the instance of the standard streams
// when it is about one.
func streamed(name string, typ wasm.FuncType) bool {
	if name == pollFunction {
		return typ.Equal(pollType)
	}
	a, descriptor := systemAccess(name, typ)
	return descriptor == 0 && strings.HasPrefix(name, "fd_") && a != accessClose &&
		a != accessChange
}

// pollFunction is the one function of WASI that has its descriptors in memory.
const pollFunction = "poll_oneoff"

var pollType = wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32, wasm.I32},
	Results: []wasm.ValType{wasm.I32}}

// systemAccess classifies the functions of WASI, and tells which parameter is the descriptor; -1
// for none.
func systemAccess(name string, typ wasm.FuncType) (a access, descriptor int) {
	switch name {
	case "sched_yield", "clock_time_get", "clock_res_get", "random_get",
		"args_get", "args_sizes_get", "environ_get", "environ_sizes_get", "proc_raise":
		return accessNone, -1
	case "path_open", "path_link", "path_rename", "fd_renumber", "sock_accept":
		return accessChange, -1
	case "fd_close":
		a = accessClose
	case "fd_fdstat_set_flags":
		a = accessFlags
	case "fd_read", "fd_pread", "sock_recv":
		a = accessIn
	case "fd_write", "fd_pwrite", "sock_send":
		a = accessOut
	case "path_symlink":
		a, descriptor = accessFile, 2
	default:
		a = accessFile
	}
	if len(typ.Params) <= descriptor || typ.Params[descriptor] != wasm.I32 {
		return accessChange, -1 // nothing that is known
	}
	return a, descriptor
}

// access is what a function of a system interface does to the files that all groups share. wazero
// does not guard them. See spec/rationale.md, "Why have the standard streams an instance of their
// own?".
type access int32

const (
	accessNone   access = iota // nothing, but it may wait
	accessIn                   // reads from a descriptor, and may wait for it
	accessOut                  // writes to one, likewise
	accessFile                 // anything else with one descriptor
	accessFlags                // sets a descriptor's flags
	accessChange               // opens, closes or moves one, or has to do with two
	accessClose                // closes one
	accessPoll                 // looks several up, and may wait
)

// system guards what a system interface has for all groups. The table of open files is one thing;
// what an open file consists of, another; and the standard streams, which may make a group wait for
// as long as they like, are a third.
type system struct {
	// the table: held for writing by whoever changes it, for reading by whoever looks a file up
	files  sync.RWMutex
	inputs keyedLocks // the files, by their numbers; taken after the table
	// the same, after inputs: who waits for a socket's input must not hold up who writes to it
	outputs keyedLocks
	streams [3]standardStream
}

// standardStream is standard input, output or error.
type standardStream struct {
	closed atomic.Bool  // the number may be another file's now
	use    sync.RWMutex // held for writing by who sets flags
	// taken after use by whoever neither reads nor writes, so that they do not meet
	look sync.Mutex
}

type keyedLock struct {
	mu    sync.Mutex
	users int // guarded by keyedLocks.mu
}

// keyedLocks is a mutex for each number. Its zero value is ready.
type keyedLocks struct {
	mu    sync.Mutex           // guards locks, and the users of each
	locks map[int32]*keyedLock // those that somebody has or waits for
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

// lock takes what a call needs.
func (s *system) lock(a access, descriptor int32) (streams uint64, unlock func()) {
	stream := s.stream(descriptor)
	switch {
	case a == accessNone:
		// in the instance whose table never changes, in case that memory has changed
		return 1, nil
	case a == accessPoll:
		s.files.RLock()
		return 0, s.files.RUnlock
	case a == accessClose || a == accessChange || a == accessFlags && stream == nil:
		s.files.Lock()
		if a == accessClose && stream != nil {
			stream.closed.Store(true)
		}
		return 0, s.files.Unlock
	case stream == nil:
		s.files.RLock()
		in, out := func() {}, func() {}
		if a != accessOut {
			in = s.inputs.lock(descriptor)
		}
		if a != accessIn {
			out = s.outputs.lock(descriptor)
		}
		return 0, func() {
			out()
			in()
			s.files.RUnlock()
		}
	case a == accessFlags:
		stream.use.Lock()
		return 1, stream.use.Unlock
	case a == accessIn || a == accessOut:
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
func (s *system) stream(descriptor int32) *standardStream {
	if descriptor < 0 || int(descriptor) >= len(s.streams) || s.streams[descriptor].closed.Load() {
		return nil
	}
	return &s.streams[descriptor]
}

// pollAccess tells what a poll_oneoff needs. A subscription of WASI has 48 bytes; byte 8 is its
// kind, 0 for a clock, and the descriptor of the others is at byte 16.
func (s *system) pollAccess(m *imageMemory, subscriptions, n uint32) (a access, descriptor int32) {
	const size, clock, kindAt, descriptorAt, most = 48, 0, 8, 16, 1 << 16
	b, ok := m.at(subscriptions, min(n, most)*size)
	if !ok || n > most {
		return accessPoll, -1
	}
	for ; len(b) > 0; b = b[size:] {
		if b[kindAt] == clock {
			continue
		}
		fd := int32(binary.LittleEndian.Uint32(b[descriptorAt:]))
		if s.stream(fd) == nil {
			return accessPoll, -1
		}
		a, descriptor = accessIn, fd
	}
	return a, descriptor
}
