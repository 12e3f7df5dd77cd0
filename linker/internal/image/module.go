package image

import (
	"crypto/sha256"
	"io/fs"
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Module is one module of the process image, for all of its groups: a guest's module, or one that
// stands for functions of the host. Nothing in it changes after the operation that made it, except
// what is said to be guarded.
type Module struct {
	ID      uint32
	Name    string      // by which other modules need it
	File    string      // where it was found
	Depth   int         // how many modules lead from the one that was asked for to this one
	Stat    fs.FileInfo // of that file; nil for a module given as bytes
	Content Sum         // of its bytes as they were read, of a library

	Src  *wasm.Module // nil for the linker's own functions
	Info *dylink.Info // nil for an executable that was linked without any library
	// it is a main module with fixed addresses, whether it has a dylink.0 section or not
	Fixed  bool
	Weak   map[string]bool // symbols that may be missing
	Shared bool            // its memory is declared shared: it was built for threads

	Code Code // what the engine has of it

	Placed   bool        // memory and table were decided when the image was laid out
	FirstTLS uint32      // and so was the first group's thread-local storage
	Memory   spans.Span  // its data area; for an ordinary executable, nothing
	TLSSize  uint32      // bytes of thread-local storage per group; 0 for none
	TLSPow   uint32      // and its alignment, as a power of two
	Table    spans.Span  // its own slots of the function table
	Segment  spans.Owner // of these

	Exports   map[string]*Export
	Functions []*Function // what exports offer, sorted by name
	Needed    []*Module   // the libraries that it names, in order
	Uses      []*Module   // every module that it is bound to: they live as long as it does
	PLT       []*PLTEntry // the functions that it reaches through the PLT

	// HostName is what the linker's own host module is imported as, of which there is one for all
	// groups.
	HostName string

	// Closing is who unloads it; set under the state lock alone, nil before.
	Closing atomic.Pointer[Closing]
	reach   atomic.Pointer[[]*Module] // its load group, once that was asked for
	// other names that it is known by; guarded by the state lock
	Aliases []string
	Handles atomic.Int32 // open handles; changed under the state lock alone
	// the same without those of operations that may yet fail: what readers see
	Shown     atomic.Int32
	Generated bool // made by the linker, not loaded
	// It makes what OpenAll opens one load group. It is loaded as long as one of them is, and no
	// library to users.
	Joins bool
}

// Code is what the records know of a module's code. It is package space's.
type Code interface {
	// Sum is that of the compiled bytes: equal code has an equal one.
	Sum() [sha256.Size]byte
}

// LoadGroup is a module and what it needs, breadth first. It is called when all that m needs is
// known, and must not be changed.
func (m *Module) LoadGroup() []*Module {
	if all := m.reach.Load(); all != nil {
		return *all
	}
	all, seen := []*Module{m}, map[*Module]bool{m: true}
	for i := 0; i < len(all); i++ {
		for _, n := range all[i].Needed {
			if !seen[n] {
				seen[n] = true
				all = append(all, n)
			}
		}
	}
	m.reach.Store(&all)
	return all
}

// ExportsNothing tells whether a library defines nothing that others could mean.
func (m *Module) ExportsNothing() bool {
	for name := range m.Exports {
		if !IsToolchain(name) {
			return false
		}
	}
	return true
}

// IsWeak reports whether an import is of a symbol that may be missing.
func (m *Module) IsWeak(imp *wasm.Import) bool {
	return IsSymbolSpace(imp.Module) && m.Weak[imp.Name]
}

// Names are modules by a name, or a file.
type Names = persist.Map[string, *Module]

// Owner returns the owner of something in a module that was compiled.
func (m *Module) Owner(what string) spans.Owner {
	return spans.Owner{What: what, File: m.File, Found: m.Stat != nil,
		Code: m.Code.Sum()}
}

// Owner returns that of the entry that is made for a function.
func (fn *Function) Owner() spans.Owner { return fn.Mod.Owner(fn.what()) }

// what tells a function from the others of its module.
func (fn *Function) what() string {
	if fn.Stub {
		return "stub " + fn.Name
	}
	return "function " + fn.Name
}
