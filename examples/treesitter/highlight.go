package main

import (
	"context"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/lockstep-wasm/lockstep/treesitter"
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
func highlight(source string, tokens []token) string {
	var b strings.Builder
	at, before := 0, plain
	write := func(text string, c class) {
		if colour := colours[c]; colour != "" && strings.TrimSpace(text) != "" {
			text = "\x1b[" + colour + "m" + text + "\x1b[0m"
		}
		b.WriteString(text)
	}
	for _, t := range tokens {
		if t.start < at {
			continue // inside of one that was shown
		}
		now := t.class
		between := plain
		if before == literal && now == literal {
			between = literal // some grammars have no name for the inside of a string
		}
		write(source[at:t.start], between)
		write(source[t.start:t.end], now)
		at, before = t.end, now
	}
	return b.String() + source[at:]
}

// token is a piece of the text, and what it is.
type token struct {
	start, end int
	class      class
}

// tokens are the leaves of a tree, which are of the class that their names suggest.
func tokens(root treesitter.Node) (list []token) {
	for n := range root.Descendants() {
		if n.ChildCount() == 0 && n.Start() < n.End() {
			list = append(list, token{n.Start(), n.End(), classOf(n)})
		}
	}
	return list
}

// highlightBy returns the source text in the colours that a query says: of the captures of a node
// the last one counts.
func highlightBy(ctx context.Context, root treesitter.Node, file string) (string, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	query, err := root.Tree().Language().NewQuery(ctx, string(source))
	if err != nil {
		return "", err
	}
	captures, err := query.Captures(ctx, root)
	if err != nil {
		return "", err
	}
	classes := map[treesitter.Node]class{}
	for _, c := range captures {
		first, _, _ := strings.Cut(c.Name, ".")
		classes[c.Node] = captureClasses[first]
	}
	var list []token
	for n := range root.Descendants() {
		if n.ChildCount() > 0 || n.Start() == n.End() {
			continue
		}
		for at := n; !at.IsZero(); at = at.Parent() {
			if c, ok := classes[at]; ok {
				list = append(list, token{n.Start(), n.End(), c})
				break
			}
		}
	}
	return highlight(root.Tree().Source(), list), nil
}

// captureClasses are the classes of the names that grammars use in their highlights.scm, by the
// first part of the name.
var captureClasses = map[string]class{
	"keyword": keyword, "string": literal, "character": literal, "escape": literal,
	"number": number, "comment": comment, "function": function, "method": function,
	"type": typeName, "constructor": typeName, "constant": constant, "boolean": constant,
	"error": wrong,
}

// classOf guesses a token's class by the names that grammars have in common. Each grammar has
// queries of its own for that (highlights.scm), which say it better.
func classOf(n treesitter.Node) class {
	name, text, parents := n.Type(), n.Text(), []string(nil)
	for p := n.Parent(); !p.IsZero(); p = p.Parent() {
		parents = append(parents, p.Type())
	}
	parent := n.Parent().Type()
	in := func(parts ...string) bool {
		for _, name := range append(parents, name) {
			for _, p := range parts {
				if strings.Contains(name, p) {
					return true
				}
			}
		}
		return false
	}
	is := func(name string, parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(name, p) })
	}
	switch {
	case in("comment"):
		return comment
	case name == "ERROR" || parent == "ERROR":
		return wrong
	case is(name, "string", "char", "escape", "rune") || is(parent, "string", "char_literal",
		"rune_literal"):
		return literal
	case is(name, "number", "integer", "float", "int_literal"):
		return number
	case is(name, "true", "false", "null", "nil", "none"):
		return constant
	case !n.IsNamed() && strings.IndexFunc(text, unicode.IsLetter) == 0:
		return keyword
	case is(name, "type"):
		return typeName
	case name == "identifier" && is(parent, "call", "function_definition",
		"function_declaration", "function_item", "function_declarator"):
		return function
	case name == "field_identifier" && is(parent, "selector", "method_declaration"):
		return function
	}
	return plain
}
