package emscripten

import (
	"bytes"
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// processCalls are system calls and functions about the process, and ones that are not there.
var processCalls = map[string]function{
	"__syscall_umask": system("i", func(c *call) (int, error) {
		c.p.mu.Lock()
		defer c.p.mu.Unlock()
		old := c.p.mask
		c.p.mask = c.u32(0) & 0o777
		return int(old), nil
	}),
	"__syscall_getuid32":  constant("", user),
	"__syscall_geteuid32": constant("", user),
	"__syscall_getgid32":  constant("", user),
	"__syscall_getegid32": constant("", user),
	"__syscall_getpid":    constant("", 42),
	"__syscall_getppid":   constant("", 1),

	"exit":                  {"i", exit},
	"_exit":                 {"i", func(c *call) uint64 { panic(&ExitError{Code: c.i32(0)}) }},
	"emscripten_force_exit": {"i", exit},
	"_ZSt9terminatev": {"",
		func(*call) uint64 { panic(&AbortError{Message: "std::terminate was called"}) }},
	"abort":     {"", func(*call) uint64 { panic(&AbortError{}) }},
	"_abort_js": {"", func(*call) uint64 { panic(&AbortError{}) }},
	"__assert_fail": plain("iiii", func(c *call) uint64 {
		where := func(at uint32) string {
			if at == 0 {
				return "?"
			}
			return c.mem.text(at)
		}
		panic(assertion(where(c.u32(0)), where(c.u32(1)), c.i32(2), where(c.u32(3))))
	}),
	"getentropy": system("ii", func(c *call) (int, error) {
		return 0, c.p.fill(c.mem.bytes(c.u32(0), c.u32(1)))
	}),
	"emscripten_get_heap_max": constant("", 1<<31),
	"emscripten_num_logical_cores": {"",
		func(c *call) uint64 { return uint64(uint32(c.p.config.cores)) }},
	"emscripten_notify_memory_growth":     constant("i", 0),
	"_emscripten_runtime_keepalive_clear": constant("", 0),
	"emscripten_check_blocking_allowed":   constant("", 0),
	"_emscripten_fs_load_embedded_files":  plain("i", loadEmbedded),
	"__call_sighandler": {"ii", func(c *call) uint64 {
		return c.pointer(c.u32(0), []api.ValueType{api.ValueTypeI32}, nil, uint64(c.u32(1)))
	}},
	"_emscripten_get_progname": plain("ii", func(c *call) uint64 {
		name := "./this.program"
		if args := arguments(c.p); len(args) > 0 {
			name = args[0]
		}
		if room := c.u32(1); room > 0 {
			c.mem.put(c.u32(0), append([]byte(name)[:min(len(name), int(room)-1)], 0))
		}
		return 0
	}),
	"_emscripten_system": {"i", func(c *call) uint64 {
		if c.u32(0) == 0 {
			return 0 // there is no shell
		}
		return api.EncodeI32(-int32(vfs.ENOSYS))
	}},
	"_emscripten_lookup_name":           constant("i", 0),
	"emscripten_runtime_keepalive_push": constant("", 0),
	"emscripten_runtime_keepalive_pop":  constant("", 0),
	"__syscall_mknodat":                 constant("iiii", api.EncodeI32(-int32(vfs.EPERM))),
	"__syscall_getuid32_js":             constant("", user),
	"__syscall_accept4":                 socketCall,
	"__syscall_bind":                    socketCall,
	"__syscall_connect":                 socketCall,
	"__syscall_getpeername":             socketCall,
	"__syscall_getsockname":             socketCall,
	"__syscall_getsockopt":              socketCall,
	"__syscall_listen":                  socketCall,
	"__syscall_recvfrom":                socketCall,
	"__syscall_recvmsg":                 socketCall,
	"__syscall_sendmsg":                 socketCall,
	"__syscall_sendto":                  socketCall,
	"__syscall_setsockopt":              socketCall,
	"__syscall_shutdown":                socketCall,
	"__syscall_socket":                  constant("iiiiii", noSockets),
	"__syscall_socketpair":              constant("iiiiii", noSockets),
	"_setitimer_js":                     constant("id", 0), // signals are not there
	"__pthread_create_js":               constant("iiii", uint64(vfs.EAGAIN)),
	"_emscripten_memcpy_js": plain("iii", func(c *call) uint64 {
		copy(c.mem.bytes(c.u32(0), c.u32(2)), c.mem.bytes(c.u32(1), c.u32(2)))
		return 0
	}),
	"emscripten_memcpy_big": plain("iii", func(c *call) uint64 {
		copy(c.mem.bytes(c.u32(0), c.u32(2)), c.mem.bytes(c.u32(1), c.u32(2)))
		return 0
	}),
}

// user is the number of the user and the group that every program runs as.
const user = 1000

// noSockets is what a program gets that asks for a socket: EAFNOSUPPORT.
const noSockets = 1<<32 - 5

// socketCall is a call with a descriptor that cannot be a socket's: ENOTSOCK.
var socketCall = constant("iiiiii", 1<<32-57)

// exit does what the program wants done at its end, and unwinds.
func exit(c *call) uint64 {
	code := c.i32(0)
	for _, x := range []struct {
		name string
		args []uint64
	}{{"__funcs_on_exit", nil}, {"fflush", []uint64{0}}} {
		_, _, _ = c.optional(x.name, x.args...)
	}
	panic(&ExitError{Code: code})
}

func assertion(condition, file string, line int32, function string) *AbortError {
	return &AbortError{Message: fmt.Sprintf("assertion failed: %s, at %s:%d in %s", condition, file,
		line, function)}
}

// maxEmbedded is how many files a program may bring with it.
const maxEmbedded = 1 << 16

// loadEmbedded makes the files that were linked into the program: name, length, content; a name 0
// ends the list.
func loadEmbedded(c *call) uint64 {
	at := c.u32(0)
	for range maxEmbedded {
		name := c.mem.u32(at)
		if name == 0 {
			return 0
		}
		if err := c.p.fs.WriteFile(c.mem.path(name),
			bytes.Clone(c.mem.bytes(c.mem.u32(at+8), c.mem.u32(at+4))), 0o666); err != nil {
			panic(&AbortError{Message: "embedded file: " + err.Error()})
		}
		at += 12
	}
	panic(&AbortError{Message: "too many embedded files"})
}
