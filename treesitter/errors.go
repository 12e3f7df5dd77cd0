package treesitter

import (
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrClosed means that the parser, the tree, the query or the whole library has been closed.
	ErrClosed = errors.New("treesitter: closed")
	// ErrNoLanguage means that a module has no function of a language, "tree_sitter_" and a name.
	ErrNoLanguage = errors.New("no function tree_sitter_… of a language")
	// ErrForeign means that two things belong to different libraries or languages.
	ErrForeign = errors.New("treesitter: of another library or language")
	// ErrRange means that an edit or a range is not within the source text, or out of order.
	ErrRange = errors.New("treesitter: not a range of the source text")
	// ErrMatchLimit means that a query had more matches in progress than [MatchLimit] allows.
	ErrMatchLimit = errors.New("treesitter: too many matches in progress")
	// ErrBroken means that the library trapped, aborted or was interrupted half-way. It cannot be
	// used any more; what is there of trees and nodes can.
	ErrBroken = errors.New("treesitter: the library cannot be used any more")
	// ErrMemory means that the library answered with what is outside of its memory.
	ErrMemory = errors.New("treesitter: an address outside the memory")
	// ErrNoTree means that the parser gave no tree for a reason it does not tell.
	ErrNoTree = errors.New("treesitter: no tree")
)

// LanguageError means that a module was not accepted as a grammar: Err says why; without Err, the
// version of the interface that it was generated for is too old or too new for the library.
type LanguageError struct {
	File string // as it was given to [Library.Load]
	ABI  uint32 // the grammar's version
	Err  error
}

// Error implements the error interface.
func (e *LanguageError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("treesitter: %s: %v", e.File, e.Err)
	}
	return fmt.Sprintf(
		"treesitter: %s: the tree-sitter library does not accept interface version %d", e.File, e.ABI)
}

// Unwrap returns the reason.
func (e *LanguageError) Unwrap() error { return e.Err }

// QueryErrorKind is what is wrong with a query.
type QueryErrorKind int

// The kinds. The numbers are those of the library, [BadPredicate] apart.
const (
	// BadSyntax means that it is no S-expression of a query.
	BadSyntax QueryErrorKind = 1
	// BadNodeType means that the language has no node of the name.
	BadNodeType QueryErrorKind = 2
	// BadField means that the language has no field of the name.
	BadField QueryErrorKind = 3
	// BadCapture means that a predicate names a capture that its pattern does not have.
	BadCapture QueryErrorKind = 4
	// BadStructure means that the pattern matches no tree of the language.
	BadStructure QueryErrorKind = 5
	// BadPredicate means that a predicate has other arguments than it takes.
	BadPredicate QueryErrorKind = 100
)

// String says the kind in words.
func (k QueryErrorKind) String() string {
	switch k {
	case BadSyntax:
		return "bad syntax"
	case BadNodeType:
		return "no such node type"
	case BadField:
		return "no such field"
	case BadCapture:
		return "no such capture"
	case BadStructure:
		return "no tree can match"
	case BadPredicate:
		return "bad predicate"
	}
	return fmt.Sprintf("error %d", int(k))
}

// QueryError says what is wrong with the source of a query, and where.
type QueryError struct {
	Kind   QueryErrorKind
	Offset int    // in bytes
	Point  Point  // the same
	Near   string // the name, or what is left of the line
	Err    error  // of a predicate's regular expression, or what is wrong with its arguments
}

// Error implements the error interface. Lines and columns are counted from 1 in it.
func (e *QueryError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "treesitter: query: %d:%d: %v", e.Point.Row+1, e.Point.Column+1, e.Kind)
	if e.Near != "" {
		fmt.Fprintf(&b, ": %q", e.Near)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the reason.
func (e *QueryError) Unwrap() error { return e.Err }
