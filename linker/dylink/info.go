package dylink

import (
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/text"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// How much a library may say about itself. No toolchain comes near these numbers.
const (
	// MaxNeeded is the largest number of libraries that one library may need.
	MaxNeeded = 1024
	// MaxSymbols is the largest number of exports, or imports, that may be described.
	MaxSymbols = 100_000
)

var (
	// ErrNotLibrary means that a module has neither a dylink.0 nor a dylink section.
	ErrNotLibrary = errors.New("dylink: not a shared library: it has no dylink.0 (or dylink) " +
		"section, which wasm-ld writes with -shared")
	// ErrNotModule means that the bytes are not WebAssembly.
	ErrNotModule = wasm.ErrNotModule
	// ErrVersion means that the bytes are WebAssembly, but not a module: a component, for
	// instance.
	ErrVersion = wasm.ErrVersion
)

// FormatError says where and why a section cannot be understood.
type FormatError struct {
	Offset int // byte offset in the file
	Reason string
	Err    error // cause; may be nil
}

// Error returns offset and reason.
func (e *FormatError) Error() string {
	return fmt.Sprintf("dylink: offset %#x: %s", e.Offset, text.Clip(e.Reason, text.MaxReason))
}

// Unwrap returns the cause: [ErrNotModule], [ErrVersion], a failure to read, or nil.
func (e *FormatError) Unwrap() error { return e.Err }

// Info is what a library says about itself. It is a plain value: nothing in it refers to the
// bytes that it was read from.
type Info struct {
	// Legacy says that it comes from the older section, dylink, which has neither Exports nor
	// Imports nor RuntimePath.
	Legacy bool
	// MemorySize is the size in bytes of the area for the library's data, at __memory_base.
	MemorySize uint32
	// MemoryAlignment is the alignment of that area, as a power of two: 4 means 16 bytes.
	// It is at most 31.
	MemoryAlignment uint32
	// TableSize is the number of table entries for the library, at __table_base.
	TableSize uint32
	// TableAlignment is the alignment of those entries, as a power of two. It is at most 31.
	TableAlignment uint32
	// Needed names the libraries that this one needs, in order, at most MaxNeeded.
	Needed []string
	// Exports describe some of the exports; an export that is not listed has no flags.
	Exports []ExportInfo
	// Imports describe some of the imports; an import that is not listed has no flags.
	Imports []ImportInfo
	// RuntimePath lists directories to look for needed libraries in, in order. $ORIGIN is left
	// as it is. An entry may be several directories with colons between them.
	RuntimePath []string
}

// ExportInfo describes an export.
type ExportInfo struct {
	Name  string
	Flags Flags
}

// ImportInfo describes an import.
type ImportInfo struct {
	Module, Field string
	Flags         Flags
}

// Names of the sections.
const (
	sectionName       = "dylink.0"
	legacySectionName = "dylink"
)

// Codes of the sub-sections of dylink.0.
const (
	memInfo     = 1
	needed      = 2
	exportInfo  = 3
	importInfo  = 4
	runtimePath = 5
)
