package linker

import (
	"path"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// registersExit returns the linker's own function when a library imports one that registers
// destructors. Those of the main module, or of the library that is its libc, would call into a
// library that is not there any more.
func (l *Linker) registersExit(m *image.Module, name string, typ wasm.FuncType) *image.Export {
	if m == l.shared.Main || !slices.Contains(exitFunctions, name) {
		return nil
	}
	if x := l.host.Exports[shim.ProvidedPrefix+name]; x.Fn.Type.Equal(typ) {
		return x
	}
	return nil
}

// exitFunctions are the functions of C and C++ that register destructors.
var exitFunctions = []string{"__cxa_atexit", "atexit", "__cxa_thread_atexit",
	"__cxa_thread_atexit_impl"}

// notStub returns what a name of <dlfcn.h> means, if x is what was found. A C library that is a
// shared library brings functions of these names which can do nothing (wasi-libc's libdl.so): they
// are there to be replaced. A main module may have them from a static library; in it, what calls
// them is changed as well. Any other definition is meant.
func (l *Linker) notStub(name string, x *image.Export) *image.Export {
	if x == nil || !slices.Contains(dlNames, name) || l.host == nil {
		return x
	}
	if own := l.host.Exports[shim.ProvidedPrefix+name]; x.Mod == l.shared.Main {
		if l.stubs && own != nil {
			return own
		}
		return x
	}
	switch base, _, _ := strings.Cut(path.Base(x.Mod.Name), ".so"); base {
	case "libc", "libdl":
		if own := l.host.Exports[shim.ProvidedPrefix+name]; own != nil {
			return own
		}
	}
	return x
}

// dlNames are the functions that a C library has stubs of.
var dlNames = []string{"dlopen", "dlsym", "dlclose", "dlerror", "dladdr", "dl_iterate_phdr"}
