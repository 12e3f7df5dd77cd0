package emscripten

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/ianlancetaylor/demangle"

	"github.com/lockstep-wasm/lockstep/linker"
)

// ExitError says that the program called exit. It unwinds everything up to the call from Go; the
// program's memory is still there, and what it exports can be called, as in JavaScript.
type ExitError struct{ Code int32 }

// Error implements the error interface.
func (e *ExitError) Error() string {
	return "emscripten: the program exited with status " + strconv.Itoa(int(e.Code))
}

// AbortError says that the program called abort, or that an assertion of it failed. It wraps
// [linker.ErrAborted].
type AbortError struct{ Message string }

// Error implements the error interface.
func (e *AbortError) Error() string {
	if e.Message == "" {
		return "emscripten: the program aborted"
	}
	return "emscripten: the program aborted: " + e.Message
}

// Unwrap returns linker.ErrAborted.
func (e *AbortError) Unwrap() error { return linker.ErrAborted }

// Exception is a C++ exception, thrown in JavaScript style, that was not caught.
type Exception struct {
	Pointer uint32 // the object
	Type    string // its type's name as C++ has it, if the program tells
}

// Error implements the error interface.
func (e *Exception) Error() string {
	if e.Type == "" {
		return fmt.Sprintf("emscripten: C++ exception %#x", e.Pointer)
	}
	return fmt.Sprintf("emscripten: C++ exception of type %s", e.Type)
}

// ErrLongjmp means that the program called longjmp outside of all calls that Emscripten prepared
// for it: there is no frame to jump to.
var ErrLongjmp = errors.New("emscripten: longjmp without a setjmp that waits for it")

// readable is a C++ type's name.
func readable(mangled string) string {
	if mangled == "" {
		return ""
	}
	if s, err := demangle.ToString("_Z" + mangled); err == nil {
		return s
	}
	s, err := demangle.ToString("_ZTS" + mangled)
	if err != nil {
		return mangled
	}
	const prefix = "typeinfo name for "
	if len(s) > len(prefix) && s[:len(prefix)] == prefix {
		return s[len(prefix):]
	}
	return s
}
