package shim

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// Exports of the module of a trampoline.
const (
	TrampolineBacking = "backing" // a global
	TrampolineData    = "data"    // a global
	TrampolinePut     = "put"     // (slot): the trampoline into the function table
)

// HostNamespace is what generated modules import the linker's own functions from.
const HostNamespace = ReservedPrefix + "host"

// Import namespaces of generated modules. Guests cannot import from them.
const (
	ReservedPrefix  = "lockstep:"
	MemoryNamespace = ReservedPrefix + "memory" // the image's memory
	// the module itself, to what puts its functions into tables
	selfNamespace = ReservedPrefix + "self"
	stubsPrefix   = ReservedPrefix + "stubs:" // and its bridges, by their numbers
	// modules that a bridge imports from, by their numbers
	usedPrefix     = ReservedPrefix + "used:"
	BaseNamespace  = ReservedPrefix + "base"  // a group's link table and stack pointer
	TableNamespace = ReservedPrefix + "table" // a group's function table and what changes it
)

// ModuleNamespace is the namespace of a module's own instance.
func ModuleNamespace(id uint32) string {
	return ReservedPrefix + "module:" + strconv.FormatUint(uint64(id), 10)
}

// Namespace is the namespace of a bridge of a module.
func Namespace(id uint32, bridge int) string {
	return fmt.Sprintf("%sbridge:%d:%d", ReservedPrefix, id, bridge)
}

// StartExport is under which name a module exports its start function, when that must not run
// before the tables are filled.
const StartExport = ReservedPrefix + "start"

// WriterImport is the namespace from which its module's putter imports a function. As with bridges,
// it does not tell which module it is. stubs is the number of the bridge that has its stubs.
func WriterImport(fn *image.Function, stubs int) string {
	if fn.Stub {
		return stubsPrefix + strconv.Itoa(stubs)
	}
	if fn.Mod.HostName != "" {
		return fn.Mod.HostName
	}
	return selfNamespace
}

// WriterNamespace tells what a namespace of a module's putter is.
func WriterNamespace(m *image.Module, name string) string {
	if name == selfNamespace {
		return ImportName(m)
	}
	if i, err := strconv.Atoi(strings.TrimPrefix(name, stubsPrefix)); err == nil &&
		strings.HasPrefix(name, stubsPrefix) {
		return Namespace(m.ID, i)
	}
	return name
}

// ImportName is the namespace under which generated modules import from m.
func ImportName(m *image.Module) string {
	if m.HostName != "" {
		return m.HostName
	}
	return ModuleNamespace(m.ID)
}
