// Package text puts untrusted strings into the texts of errors: names in a module, paths, and the
// engine's messages about them. A string is cut short, so that a name of a megabyte does not fill a
// log. It is quoted where it could be taken for something else. The errors' fields keep the whole
// string.
package text

import (
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxName is how much of a name is shown, in bytes, at most.
	MaxName = 128
	// MaxReason is how much is shown of what another error says, in bytes, at most.
	MaxReason = 2048
)

// Name returns s as it is, if it is an ordinary name or path: not empty, no longer than [MaxName],
// of printing characters, without quotes and spaces. Any other is quoted as by [Quote].
func Name(s string) string {
	if s == "" || len(s) > MaxName {
		return Quote(s)
	}
	for i, r := range s {
		if r == utf8.RuneError && s[i] != "\uFFFD"[0] { // not UTF-8
			return Quote(s)
		}
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) || r == '"' || r == '\'' || r == '`' {
			return Quote(s)
		}
	}
	return s
}

// Quote returns s as a Go string; of one that is longer than [MaxName], the beginning, with its
// length.
func Quote(s string) string {
	if len(s) <= MaxName {
		return strconv.Quote(s)
	}
	return fmt.Sprintf("%s… (%d bytes)", strconv.Quote(cut(s, MaxName)), len(s))
}

// Clip returns s, or its beginning and how much is missing, when it is longer than most bytes.
func Clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	head := cut(s, most)
	return fmt.Sprintf("%s… (%d more bytes)", head, len(s)-len(head))
}

// cut returns at most n bytes of s, without half a character at the end.
func cut(s string, n int) string {
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(s[i]) {
			return s[:i]
		}
	}
	return s[:n] // not UTF-8: any place is as good
}
