package tla

import (
	"fmt"
	"slices"
	"strings"
)

// ActionLine is one disjunct of a next-state relation.
type ActionLine struct {
	// Name is the action: RequestLease in "\/ \E g \in Groups : RequestLease(g)".
	Name string
	// Line is where the disjunct starts, counted from 1.
	Line int
	// Arguments are the sets that the quantified arguments are from, in order: "Groups".
	Arguments []string
}

// Actions returns the disjuncts of the definition named next, in order. The definition must be
// flat: one line per action, each a name with or without arguments, behind any number of
// quantifiers. Otherwise the error is a [*SpecError] that wraps [ErrSyntax].
func (s *Specification) Actions(next string) ([]ActionLine, error) {
	for _, m := range slices.Backward(s.Modules) {
		for i, t := range m.tokens {
			if t.text == next && t.column == 1 && i+1 < len(m.tokens) &&
				m.tokens[i+1].text == "==" {
				return m.actions(next, m.tokens[i+2:])
			}
		}
	}
	return nil, &SpecError{File: s.Root.Name + ".tla", Err: ErrSyntax, What: "no definition of " +
		next}
}

// actions reads the disjuncts at the start of tokens, up to the next definition.
func (m *Module) actions(next string, tokens []token) ([]ActionLine, error) {
	end := slices.IndexFunc(tokens, func(t token) bool { return t.column == 1 })
	if end < 0 {
		end = len(tokens)
	}
	tokens = tokens[:end]
	var lines []ActionLine
	for column := 0; len(tokens) > 0; {
		bullet := tokens[0]
		if len(lines) == 0 {
			column = bullet.column
		}
		if bullet.text != `\/` || bullet.column != column {
			return nil, m.notFlat(next, bullet)
		}
		end := 1
		for end < len(tokens) && !(tokens[end].text == `\/` && tokens[end].column <= column) {
			end++
		}
		line, ok := readAction(tokens[1:end])
		if !ok {
			return nil, m.notFlat(next, bullet)
		}
		line.Line = bullet.line
		lines = append(lines, line)
		tokens = tokens[end:]
	}
	if len(lines) == 0 {
		return nil, &SpecError{File: m.Name + ".tla", Err: ErrSyntax, What: next + " is empty"}
	}
	return lines, nil
}

func (m *Module) notFlat(next string, t token) error {
	return &SpecError{File: m.Name + ".tla", Line: t.line, Err: ErrSyntax,
		What: fmt.Sprintf("%s is not one action a line", next)}
}

// readAction takes the quantifiers off a disjunct, and reads the action that remains.
func readAction(tokens []token) (line ActionLine, ok bool) {
	for len(tokens) > 0 && tokens[0].text == `\E` {
		colon := slices.IndexFunc(tokens, func(t token) bool { return t.text == ":" })
		if colon < 0 {
			return line, false
		}
		if colon > 3 {
			line.Arguments = append(line.Arguments, joinTokens(tokens[3:colon])) // \E x \in …
		}
		tokens = tokens[colon+1:]
	}
	if len(tokens) == 0 || tokens[0].kind != tokenWord {
		return line, false
	}
	line.Name = tokens[0].text
	if len(tokens) == 1 {
		return line, true
	}
	// The arguments must be all that follows.
	depth := 0
	for i, t := range tokens[1:] {
		switch {
		case isOpening(t):
			depth++
		case isClosing(t):
			depth--
		}
		if depth == 0 && i != len(tokens)-2 {
			return line, false
		}
	}
	return line, depth == 0
}

func joinTokens(tokens []token) string {
	var words []string
	for _, t := range tokens {
		words = append(words, t.text)
	}
	return strings.Join(words, " ")
}
