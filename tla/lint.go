package tla

import (
	"fmt"
	"slices"
)

// Finding is a construct in a module that the embedded checker is known to misread or to lack.
type Finding struct {
	Module string
	Line   int // counted from 1
	Column int // counted from 1
	// Rule is the short name of the fault, such as "implication".
	Rule string
	// What says what is wrong and how to write it instead.
	What string
}

func (f Finding) String() string {
	return fmt.Sprintf("%s.tla:%d:%d: %s (%s)", f.Module, f.Line, f.Column, f.What, f.Rule)
}

// Names of the linter's rules, for [Finding.Rule].
const (
	// => and <=> beside other connectives, or behind a junction list
	RuleImplication = "implication"
	RuleProduct     = "product"   // A \X B \X C
	RuleNumbers     = "numbers"   // Nat, which ends at 100, and other infinite sets
	RuleInstance    = "instance"  // INSTANCE
	RuleEnabled     = "enabled"   // ENABLED
	RuleFunction    = "function"  // f[x \in S] == …
	RuleVariables   = "variables" // a second VARIABLES declaration
)

// Lint looks for the constructs that the embedded checker silently misreads, and for those whose
// absence it reports in a way that is hard to understand. The specification's meaning to TLC is not
// in question: a finding says how to write the same so that both read the same. A text without
// findings is not known to be misread; that is why a verdict counts only where the number of states
// is TLC's too.
//
// Findings are in the order of the text. Safe for concurrent use.
func Lint(s *Specification) []Finding {
	var findings []Finding
	variables := 0
	for _, m := range s.Modules {
		l := &linter{module: m.Name, tokens: m.tokens}
		l.words(&variables)
		l.connectives()
		slices.SortStableFunc(l.findings, func(a, b Finding) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Column - b.Column
		})
		findings = append(findings, l.findings...)
	}
	return findings
}

type linter struct {
	module   string
	tokens   []token
	findings []Finding
}

func (l *linter) report(t token, rule, what string) {
	l.findings = append(l.findings,
		Finding{Module: l.module, Line: t.line, Column: t.column, Rule: rule, What: what})
}

// words finds what a single token, or a token and its neighbour, gives away.
func (l *linter) words(variables *int) {
	for i, t := range l.tokens {
		switch t.text {
		case "VARIABLE", "VARIABLES":
			if *variables++; *variables > 1 {
				l.report(t, RuleVariables, "a second "+t.text+
					" is not read: declare all variables in one")
			}
		case "Nat", "Int", "Real", "Seq":
			l.report(t, RuleNumbers, "the infinite set "+t.text+
				" is cut off: use a range, or bound the length")
		case "INSTANCE":
			l.report(t, RuleInstance, "INSTANCE is not read: use EXTENDS")
		case "ENABLED":
			l.report(t, RuleEnabled, "ENABLED is not read: write the guard")
		case "==":
			if i > 0 && l.tokens[i-1].text == "]" {
				l.report(t, RuleFunction, "a function definition f[x \\in S] == … is not read: "+
					"write f == [x \\in S |-> …]")
			}
		}
	}
}

// segment is a stretch of an expression in which operators compete: between brackets, commas,
// colons, keywords, and the bullets of junction lists.
type segment struct {
	implies  []token // => and <=>
	junction []token // infix /\ and \/
	products []token // \X
	closed   bool    // a junction list ended in it, before the first implication
}

// frame is an open bracket or an open junction list. Lists have a column.
type frame struct {
	bullet  string // "/\\" or "\\/"; empty for a bracket
	column  int
	segment segment
}

// connectives finds the operators that are read with another precedence than TLA+ gives them. It
// follows the junction lists the way TLA+ does: a bullet is aligned with the first of its list, and
// whatever stands at or left of that column ends the list.
func (l *linter) connectives() {
	frames := []frame{{}}
	top := func() *frame { return &frames[len(frames)-1] }
	pop := func() {
		l.finish(&top().segment)
		frames = frames[:len(frames)-1]
	}
	var previous token
	for _, t := range l.tokens {
		for top().bullet != "" && t.column <= top().column &&
			(t.text != top().bullet || t.column < top().column) {
			pop()
			top().segment.closed = top().segment.closed || len(top().segment.implies) == 0
		}
		switch {
		case isJunction(t) && top().bullet == t.text && top().column == t.column:
			l.finish(&top().segment)
		case isJunction(t) && !endsOperand(previous):
			frames = append(frames, frame{bullet: t.text, column: t.column})
		case isJunction(t):
			top().segment.junction = append(top().segment.junction, t)
		case t.text == "=>" || t.text == "<=>":
			top().segment.implies = append(top().segment.implies, t)
		case t.text == `\X` || t.text == `\times`:
			top().segment.products = append(top().segment.products, t)
		case isOpening(t):
			frames = append(frames, frame{})
		case isClosing(t):
			for top().bullet != "" {
				pop()
			}
			if len(frames) > 1 {
				pop()
			}
		case isBoundary(t):
			l.finish(&top().segment)
		}
		previous = t
	}
	for len(frames) > 1 {
		pop()
	}
	l.finish(&top().segment)
}

// finish judges a segment and starts the next one in its place.
func (l *linter) finish(s *segment) {
	const parentheses = "put parentheses around both sides of every => and <=>"
	if len(s.implies) > 0 {
		t := s.implies[0]
		switch {
		case s.closed:
			l.report(t, RuleImplication, t.text+" behind a junction list: "+parentheses)
		case len(s.junction) > 0:
			l.report(t, RuleImplication, t.text+" beside "+s.junction[0].text+": "+parentheses)
		case len(s.implies) > 1:
			l.report(t, RuleImplication, t.text+" beside "+s.implies[1].text+": "+parentheses)
		}
	}
	if len(s.products) > 1 {
		l.report(s.products[1], RuleProduct,
			`a product of three sets is read as pairs of pairs: use a set of records or {<<a, b, c>> : …}`)
	}
	*s = segment{}
}

func isJunction(t token) bool {
	return t.kind == tokenSymbol &&
		(t.text == `/\` || t.text == `\/` || t.text == `\land` || t.text == `\lor`)
}

// endsOperand reports whether an infix operator may follow t. Where none may, /\ and \/ start a
// list.
func endsOperand(t token) bool {
	switch t.text {
	case "THEN", "ELSE", "IN", "LET", "IF", "CASE", "OTHER", "ASSUME", "DOMAIN", "SUBSET", "UNION",
		"UNCHANGED", "ENABLED", "EXCEPT":
		return false
	case ")", "]", "}", ">>", "'", "@", "^+", "^*", "^#":
		return true
	}
	return t.kind != tokenSymbol
}

func isOpening(t token) bool {
	return t.text == "(" || t.text == "[" || t.text == "{" || t.text == "<<"
}

func isClosing(t token) bool {
	return t.text == ")" || t.text == "]" || t.text == "}" || t.text == ">>"
}

// isBoundary reports whether operators left and right of t cannot compete.
func isBoundary(t token) bool {
	switch t.text {
	case ",", ":", "==", "THEN", "ELSE", "IN", "LET", "IF", "CASE", "|->", "->", "!", ";", "ASSUME":
		return true
	}
	return false
}
