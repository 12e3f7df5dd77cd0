package proof

import (
	"strconv"
	"strings"
)

// term is an expression of SMT-LIB 2. The functions that build terms leave out what is decided
// already, which keeps the queries short enough to be read.
type term string

const (
	isTrue  term = "true"
	isFalse term = "false"
)

// literal tells whether a term is a constant of which no two are equal: a string, a slot of a
// written-out world, None, or a number.
func (t term) literal() bool {
	return strings.HasPrefix(string(t), "|") && !strings.Contains(string(t[1:len(t)-1]), "|") ||
		t == none || t == noOperation || t.number()
}

func (t term) number() bool {
	_, err := strconv.Atoi(string(t))
	return err == nil
}

// quoted is the SMT-LIB symbol of a string, with its quotes: |x| and x would be the same symbol.
func quoted(text string) term { return term(`|"` + text + `"|`) }

func numeral(n int) term { return term(strconv.Itoa(n)) }

func boolean(b bool) term {
	if b {
		return isTrue
	}
	return isFalse
}

func apply(function string, args ...term) term {
	if len(args) == 0 {
		return term(function)
	}
	var b strings.Builder
	b.WriteString("(" + function)
	for _, a := range args {
		b.WriteString(" " + string(a))
	}
	b.WriteString(")")
	return term(b.String())
}

// join is a conjunction or a disjunction: unit is what changes nothing, and its negation decides
// all.
func join(function string, unit term, items []term) term {
	var kept []term
	for _, t := range items {
		switch t {
		case unit:
		case not(unit):
			return t
		default:
			kept = append(kept, t)
		}
	}
	switch len(kept) {
	case 0:
		return unit
	case 1:
		return kept[0]
	}
	return apply(function, kept...)
}

func and(items ...term) term { return join("and", isTrue, items) }

func or(items ...term) term { return join("or", isFalse, items) }

func not(t term) term {
	switch {
	case t == isTrue:
		return isFalse
	case t == isFalse:
		return isTrue
	case strings.HasPrefix(string(t), "(not "):
		return t[len("(not ") : len(t)-1]
	}
	return apply("not", t)
}

func implies(a, b term) term {
	switch {
	case a == isTrue:
		return b
	case a == isFalse || b == isTrue:
		return isTrue
	case b == isFalse:
		return not(a)
	}
	return apply("=>", a, b)
}

func equal(a, b term) term {
	switch {
	case a == b:
		return isTrue
	case a.literal() && b.literal():
		return isFalse
	case a == isTrue:
		return b
	case b == isTrue:
		return a
	case a == isFalse:
		return not(b)
	case b == isFalse:
		return not(a)
	}
	return apply("=", a, b)
}

func choose(condition, then, otherwise term) term {
	switch {
	case condition == isTrue || then == otherwise:
		return then
	case condition == isFalse:
		return otherwise
	case then == isTrue && otherwise == isFalse:
		return condition
	case then == isFalse && otherwise == isTrue:
		return not(condition)
	}
	return apply("ite", condition, then, otherwise)
}

// compare is <= or <.
func compare(operator string, a, b term) term {
	x, err := strconv.Atoi(string(a))
	y, err2 := strconv.Atoi(string(b))
	if err == nil && err2 == nil {
		return boolean(x < y || operator == "<=" && x == y)
	}
	return apply(operator, a, b)
}

// sum is + or -.
func sum(operator string, a, b term) term {
	x, err := strconv.Atoi(string(a))
	y, err2 := strconv.Atoi(string(b))
	switch {
	case err == nil && err2 == nil && operator == "+":
		return numeral(x + y)
	case err == nil && err2 == nil && x >= y:
		return numeral(x - y)
	}
	return apply(operator, a, b)
}
