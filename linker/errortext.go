package linker

import (
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

// inner is an error's text for use inside another error of this package: bounded, and without the
// prefix of the package, which the outer error has.
func inner(err error) string { return text.Clip(bare(err), text.MaxReason) }

// bare is an error's text without the prefixes of this module's packages: its own, and those of
// the errors that it wraps. Where these are in the text is known only if they are at its beginning
// or its end (the engine puts words before an error, and a stack trace behind it). What else looks
// like a prefix is part of a name, and stays.
func bare(err error) string {
	s := err.Error()
	switch err := err.(type) {
	case interface{ Unwrap() error }:
		if wrapped := err.Unwrap(); wrapped != nil {
			s = barePart(s, wrapped)
		}
	case interface{ Unwrap() []error }:
		s = bareParts(s, err.Unwrap())
	}
	for _, prefix := range []string{"linker: ", "coord: "} {
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			return rest
		}
	}
	return s
}

// barePart is the text of an error with the bare one of the error that it wraps.
func barePart(s string, wrapped error) string {
	full := wrapped.Error()
	if before, ok := strings.CutSuffix(s, full); ok {
		return before + bare(wrapped)
	}
	if after, ok := strings.CutPrefix(s, full); ok {
		return bare(wrapped) + after
	}
	return s
}

// bareParts is barePart for several errors, which are joined line by line or stand at both ends.
func bareParts(s string, wrapped []error) string {
	if s == joined(wrapped, error.Error) {
		return joined(wrapped, bare)
	}
	for _, w := range wrapped {
		s = barePart(s, w)
	}
	return s
}

func joined(errs []error, text func(error) string) string {
	lines := make([]string, len(errs))
	for i, err := range errs {
		lines[i] = text(err)
	}
	return strings.Join(lines, "\n")
}
