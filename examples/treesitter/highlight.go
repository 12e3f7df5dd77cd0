package main

import (
	"slices"
	"strings"
	"unicode"

	"github.com/lockstep-wasm/lockstep/examples/treesitter/webts"
)

// class is what a token is to a reader.
type class int

const (
	plain class = iota
	keyword
	literal // strings and characters
	number
	comment
	function
	typeName
	constant
	wrong // what the grammar does not know
)

// colours are the classes in a terminal (ECMA-48).
var colours = map[class]string{
	keyword: "35", literal: "32", number: "36", comment: "90", function: "34", typeName: "33",
	constant: "36", wrong: "4;31",
}

// highlight returns a source text in the colours of a terminal.
func highlight(source string, tokens []webts.Token) string {
	var b strings.Builder
	at, before := 0, plain
	write := func(text string, c class) {
		if colour := colours[c]; colour != "" && strings.TrimSpace(text) != "" {
			text = "\x1b[" + colour + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	for _, t := range tokens {
		if t.Start < at {
			continue // inside of one that was shown
		}
		now := classOf(t, source[t.Start:t.End])
		between := plain
		if before == literal && now == literal {
			between = literal // some grammars have no name for the inside of a string
		}
		write(source[at:t.Start], between)
		write(source[t.Start:t.End], now)
		at, before = t.End, now
	}
	return b.String() + source[at:]
}

// classOf guesses a token's class by the names that grammars have in common. Each grammar has
// queries of its own for that (highlights.scm), which say it better.
func classOf(t webts.Token, text string) class {
	in := func(parts ...string) bool {
		for _, name := range append(slices.Clone(t.Parents), t.Type) {
			for _, p := range parts {
				if strings.Contains(name, p) {
					return true
				}
			}
		}
		return false
	}
	parent := ""
	if len(t.Parents) > 0 {
		parent = t.Parents[len(t.Parents)-1]
	}
	is := func(name string, parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
	}
	switch {
	case in("comment"):
		return comment
	case t.Type == "ERROR" || parent == "ERROR":
		return wrong
	case is(t.Type, "string", "char", "escape", "rune") || is(parent, "string", "char_literal",
		"rune_literal"):
		return literal
	case is(t.Type, "number", "integer", "float", "int_literal"):
		return number
	case is(t.Type, "true", "false", "null", "nil", "none"):
		return constant
	case !t.Named && strings.IndexFunc(text, unicode.IsLetter) == 0:
		return keyword
	case is(t.Type, "type"):
		return typeName
	case t.Type == "identifier" && is(parent, "call", "function_definition",
		"function_declaration", "function_item", "function_declarator"):
		return function
	case t.Type == "field_identifier" && is(parent, "selector", "method_declaration"):
		return function
	}
	return plain
}
