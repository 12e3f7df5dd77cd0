package tla

import (
	"fmt"
	"strings"
)

// Token is one lexical unit of a module, for those who read more of it than its outline.
type Token struct {
	// Text is the token as it is written; a string has its quotes.
	Text string
	// Line and Column are counted from 1, in characters: junction lists are aligned by them.
	Line, Column int
	// Word is true for identifiers, keywords and numbers, String for strings; all others are
	// symbols.
	Word, String bool
}

// Tokens returns the tokens of the module's body, in order: what stands behind its EXTENDS clause
// and before its last line, without comments.
func (m *Module) Tokens() []Token {
	tokens := make([]Token, len(m.tokens))
	for i, t := range m.tokens {
		tokens[i] = Token{Text: t.text, Line: t.line, Column: t.column, Word: t.kind == tokenWord,
			String: t.kind == tokenString}
	}
	return tokens
}

// Text returns what a checker reads of the module, in a form that comments and empty lines do not
// change: its name, what it extends, and its tokens, each with its column, for junction lists are
// aligned by them.
func (m *Module) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", m.Name, strings.Join(m.Extends, " "))
	line := 0
	for _, t := range m.tokens {
		if t.line != line {
			line = t.line
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%d %s ", t.column, t.text)
	}
	return b.String()
}
