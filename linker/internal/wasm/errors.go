package wasm

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

var (
	// ErrNotModule means that the bytes do not start with the magic number of WebAssembly.
	ErrNotModule = errors.New("not a WebAssembly module")
	// ErrVersion means that the bytes are WebAssembly, but of another version: a component,
	// for instance.
	ErrVersion = errors.New("unsupported WebAssembly version")
	// ErrUnsupported means that a module uses a feature that this linker does not know:
	// memory64, garbage collection types, typed references.
	ErrUnsupported = errors.New("unsupported feature")
	// ErrTooMany means that a module has more of something than browsers accept.
	ErrTooMany = errors.New("too many")
)

// EntriesError says that the element segments of a module have more entries than its reader allows
// together. It is an [ErrTooMany].
type EntriesError struct {
	Value, Max uint64
}

// Error implements the error interface.
func (e *EntriesError) Error() string {
	return fmt.Sprintf("%d elements: %v, the largest number is %d", e.Value, ErrTooMany, e.Max)
}

// Is reports whether target is [ErrTooMany].
func (e *EntriesError) Is(target error) bool { return target == ErrTooMany }

// FormatError says why and where bytes are not a module that this package understands.
// It wraps a sentinel of this package or of package leb, when there is one.
type FormatError struct {
	Offset  int    // byte offset in the file
	Section string // name of the section, "" for the header
	Reason  string
	Err     error // cause; may be nil
}

// Error returns, for instance, "wasm: import section, offset 0x1f: module name: unexpected end".
func (e *FormatError) Error() string {
	if e.Section == "" {
		return fmt.Sprintf("wasm: offset %#x: %s", e.Offset, text.Clip(e.Reason, text.MaxReason))
	}
	return fmt.Sprintf("wasm: %s section, offset %#x: %s", e.Section, e.Offset,
		text.Clip(e.Reason, text.MaxReason))
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// wholeSection is what a reader reads of a file: if one ends too early, the file does.
const wholeSection = "section"

// formatError turns the failure of a reader into a FormatError; nil stays nil.
func formatError(section string, err error) error {
	if err == nil {
		return nil
	}
	var at *leb.Error
	if errors.As(err, &at) {
		reason := at.Reason
		if errors.Is(at.Cause, leb.ErrTruncated) && strings.HasPrefix(reason, wholeSection+": ") {
			reason += " (cut off)"
		}
		return &FormatError{Offset: at.Offset, Section: section, Reason: reason, Err: at.Cause}
	}
	return &FormatError{Section: section, Reason: err.Error(), Err: err}
}
