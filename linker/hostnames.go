package linker

import (
	"fmt"
	"strconv"
)

// Functions of the linker's own host module.
const (
	hostSafepoint = "safepoint" // () before every call of a host function
	hostLazy      = "lazy"      // (entry) fills an entry of the link table
	hostExit      = "exit"      // (code) what WASI's proc_exit is to guests
	// (access, descriptor) -> whether it is about a standard stream, before every call of a WASI
	// function
	hostSystem    = "system"
	hostSystemEnd = "system_end"
	hostEnd       = "end"      // () what the main module's C library calls when the program ends
	hostEndWith   = "end_with" // (argument), the same for __cxa_atexit
	hostPoll      = "poll"     // (subscriptions, n) -> the same, before poll_oneoff

	// providedPrefix marks functions that guests import from env and that the linker has when
	// neither a module nor the host has them. They are no safepoints: a guest's allocator calls
	// them. Of the other namespaces in which the linker has functions, the names are marked in the
	// same way.
	providedPrefix = "env."
)

// hostNamespace is what generated modules import the linker's own functions from.
const hostNamespace = reservedPrefix + "host"

// Import namespaces of generated modules. Guests cannot import from them.
const (
	reservedPrefix  = "lockstep:"
	memoryNamespace = reservedPrefix + "memory" // the image's memory
	// the module itself, to what puts its functions into tables
	selfNamespace = reservedPrefix + "self"
	stubsPrefix   = reservedPrefix + "stubs:" // and its bridges, by their numbers
	// modules that a bridge imports from, by their numbers
	usedPrefix     = reservedPrefix + "used:"
	baseNamespace  = reservedPrefix + "base"  // a group's link table and stack pointer
	tableNamespace = reservedPrefix + "table" // a group's function table and what changes it
)

// moduleNamespace is the namespace of a module's own instance.
func moduleNamespace(id uint32) string {
	return reservedPrefix + "module:" + strconv.FormatUint(uint64(id), 10)
}

// bridgeNamespace is the namespace of a bridge of a module.
func bridgeNamespace(id uint32, bridge int) string {
	return fmt.Sprintf("%sbridge:%d:%d", reservedPrefix, id, bridge)
}

// startExport is under which name a module exports its start function, when that must not run
// before the tables are filled.
const startExport = reservedPrefix + "start"
