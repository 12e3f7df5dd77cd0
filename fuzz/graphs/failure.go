package graphs

import "fmt"

// Failure is why something must not succeed.
type Failure struct {
	Kind   FailureKind
	Module string // whose fault it is, if it is of one module
	Symbol string // or the name of a library that is not there
}

// Error implements the error interface.
func (f *Failure) Error() string {
	return fmt.Sprintf("%s (module %q, symbol %q)", f.Kind, f.Module, f.Symbol)
}

// FailureKind says what the linker's error has to be.
type FailureKind string

// The kinds.
const (
	NotFound  FailureKind = "no such file" // *linker.NotFoundError
	Broken    FailureKind = "no library"   // *linker.LoadError
	NotLoaded FailureKind = "not loaded"   // linker.ErrNotLoaded
	// *linker.OtherBytesError: a library of the name is loaded, with other contents
	OtherBytes FailureKind = "other bytes"
	Undefined  FailureKind = "undefined symbol"       // *linker.UndefinedSymbolError
	Mistaken   FailureKind = "another kind of symbol" // *linker.SymbolError
	TooEarly   FailureKind = "instantiated later"     // *linker.ImportError
	Trapped    FailureKind = "trap"
	Exited     FailureKind = "exit" // *sys.ExitError, and the group is closed
	// *linker.DestructorError; the library is unloaded all the same
	Destroyed FailureKind = "trap in destructor"
)
