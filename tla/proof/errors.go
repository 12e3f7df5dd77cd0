package proof

import (
	"errors"
	"fmt"
	"strings"
)

// ErrConstruct means that a specification has something in it that this package cannot translate.
var ErrConstruct = errors.New("proof: cannot translate")

// TranslationError says what could not be translated, and where. It wraps [ErrConstruct].
type TranslationError struct {
	File string // the file of the module
	Line int    // counted from 1; 0 where there is none
	What string // the construct
}

// Error implements the error interface.
func (e *TranslationError) Error() string {
	var b strings.Builder
	b.WriteString(ErrConstruct.Error())
	if e.File != "" {
		fmt.Fprintf(&b, ": %s", e.File)
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	fmt.Fprintf(&b, ": %s", e.What)
	return b.String()
}

// Unwrap returns [ErrConstruct].
func (e *TranslationError) Unwrap() error { return ErrConstruct }

// catch turns a panic with a [*TranslationError] into an error: reading and translating stop at the
// first construct that is not known, however deep in an expression it is. Every exported function
// that reads or translates defers it.
func catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case *TranslationError:
		*err = r
	default:
		panic(r)
	}
}
