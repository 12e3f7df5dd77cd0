package shim

import (
	"fmt"
	"strconv"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// HostNamespace is what generated modules import the linker's own functions from.
const HostNamespace = ReservedPrefix + "host"

// Import namespaces of generated modules. Guests cannot import from them.
const (
	ReservedPrefix  = "lockstep:"
	MemoryNamespace = ReservedPrefix + "memory" // the image's memory
	// the module itself, to what puts its functions into tables
	selfNamespace = ReservedPrefix + "self"
	stubsPrefix   = ReservedPrefix + "stubs:" // and its shims, by their numbers
	// modules that a shim imports from, by their numbers
	usedPrefix     = ReservedPrefix + "used:"
	BaseNamespace  = ReservedPrefix + "base"  // a group's PLT and stack pointer
	TableNamespace = ReservedPrefix + "table" // a group's function table and what changes it
)

// ModuleNamespace is the namespace of a module's own instance.
func ModuleNamespace(id uint32) string {
	return ReservedPrefix + "module:" + strconv.FormatUint(uint64(id), 10)
}

// Namespace is the namespace of a shim of a module.
func Namespace(id uint32, shim int) string {
	return fmt.Sprintf("%sshim:%d:%d", ReservedPrefix, id, shim)
}

// StartExport is under which name a module exports its start function, when that must not run
// before the tables are filled.
const StartExport = ReservedPrefix + "start"

// ImportName is the namespace under which generated modules import from m.
func ImportName(m *image.Module) string {
	if m.HostName != "" {
		return m.HostName
	}
	return ModuleNamespace(m.ID)
}
