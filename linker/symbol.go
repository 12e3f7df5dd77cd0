package linker

import (
	"sync/atomic"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// SymbolKind is what a symbol stands for.
type SymbolKind byte

// The kinds of symbols.
const (
	Function SymbolKind = iota + 1 // Pointer is an index into the function table
	Data                           // Pointer is an address in linear memory
)

// String returns the name of the kind.
func (k SymbolKind) String() string {
	switch k {
	case Function:
		return "function"
	case Data:
		return "data"
	}
	return "no symbol"
}

// Symbol is what a name stands for. It is the same in every group, but for thread-local data, and
// as long as its module is loaded.
type Symbol struct {
	Kind    SymbolKind
	Name    string
	Module  string // the module that defines it
	Pointer uint32 // as a C pointer: what a guest stores, compares and calls
	Type    *FunctionType
}

// Library is a handle to a loaded library, of all groups alike. It is safe for concurrent use.
type Library struct {
	linker *Linker
	mod    *image.Module
	next   *Library // of a pseudo-handle for what comes after that library
	scope  bool     // it is a pseudo-handle for where the library itself looks
	// given says that the handle was given up, perhaps by an operation that is not committed. It
	// changes under the state lock.
	given atomic.Bool
	// closed is one more than the number from which on readers find the handle closed; 0: none yet.
	closed atomic.Uint64
	// seen is one more than the number of the last commit in which a look-up found the library
	// loaded; 0: none yet.
	seen atomic.Uint64
}

// Default is the global scope as a handle: the main module, then all [Global] libraries in the
// order in which they became part of it, then the functions of the host. It is what RTLD_DEFAULT is
// to dlsym.
var Default = &Library{}

// Next returns a pseudo-handle for what comes after a library, as RTLD_NEXT does for the library
// that asks: through it, the next definition of a symbol is found that the library's own one hides.
// For a library of the global scope that is in the modules after it and in the host, for a [Local]
// one in what comes after it in its load group. Next([Default]) is what comes after the main
// module. It is as valid as lib is, and cannot be closed.
func Next(lib *Library) *Library {
	if lib == nil {
		lib = Default
	}
	if lib.next != nil {
		return lib
	}
	return &Library{linker: lib.linker, mod: lib.mod, next: lib}
}

// close makes the handle closed for those who see the operation with a number, or a later one.
func (l *Library) close(number uint64) { l.closed.Store(number + 1) }

// takeBack makes a handle useless that an operation has handed out which failed.
func (l *Library) takeBack() {
	l.given.Store(true)
	l.close(0)
}

// closedIn reports whether the handle is closed for those who see a snapshot.
func (l *Library) closedIn(s *image.Snapshot) bool {
	if l.next != nil {
		return l.next.closedIn(s)
	}
	from := l.closed.Load()
	return from != 0 && s.Commit >= from-1
}

// committedIn finds a symbol in the library, and in what it needs, if an earlier look-up has seen
// the library loaded in the same commit. nil means that find has to say.
func (l *Library) committedIn(s *image.Snapshot, name string) *image.Export {
	if l == nil || l.seen.Load() != s.Commit+1 || l.closed.Load() != 0 {
		return nil
	}
	return s.LookupIn(l.mod, name)
}

// sees notes that the library is loaded in a commit, unless the handle stands for something else.
func (l *Library) sees(s *image.Snapshot) {
	if l != nil && l.mod != nil && l.next == nil && !l.scope {
		l.seen.Store(s.Commit + 1)
	}
}

// gone reports whether the handle is closed for those who see the newest operation.
func (l *Library) gone() bool { return l.closed.Load() != 0 }

// givenUp reports whether the handle was given up, as those see it who are inside the operation.
func (l *Library) givenUp() bool {
	return l != nil && (l.given.Load() || l.next != nil && l.next.given.Load())
}

// Name returns the name under which other libraries need this one.
func (l *Library) Name() string {
	if l.mod == nil {
		return ""
	}
	return l.mod.Name
}

// File returns where the library was found.
func (l *Library) File() string {
	if l.mod == nil {
		return ""
	}
	return l.mod.File
}

// isPseudo reports whether a handle stands for a scope: [Default], or what [Next] returns.
func (l *Library) isPseudo() bool { return l == Default || l != nil && l.next != nil }

// closable returns why a handle cannot be given up in an image.
func (l *Linker) closable(lib *Library) error {
	switch {
	case lib.isPseudo():
		return ErrPseudoHandle
	case lib == nil || lib.mod == nil:
		return ErrNoLibrary
	case lib.linker != l:
		return ErrForeignLibrary
	}
	return nil
}
