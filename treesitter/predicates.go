package treesitter

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// test is a predicate of a pattern that decides whether a match counts.
type test func(captures []Capture) bool

// Kinds of steps of predicates, as the library has them. Any other ends a predicate.
const (
	stepCapture = 1
	stepString  = 2
)

// predicates reads the predicates of a pattern: steps of a kind and a number each.
func (p *pattern) predicates(steps []uint32, captures, values []string) error {
	var arguments []Argument
	for ; len(steps) > 1; steps = steps[2:] {
		switch kind, i := steps[0], int(steps[1]); {
		case kind == stepCapture && i < len(captures):
			arguments = append(arguments, Argument{Capture: true, Text: captures[i]})
		case kind == stepString && i < len(values):
			arguments = append(arguments, Argument{Text: values[i]})
		case len(arguments) > 0:
			if arguments[0].Capture {
				return errors.New("a predicate begins with its name")
			}
			name := arguments[0].Text
			if err := p.predicate(name, arguments[1:]); err != nil {
				return fmt.Errorf("#%s: %w", name, err)
			}
			arguments = nil
		}
	}
	return nil
}

// What can be wrong with the arguments of a predicate.
var (
	errCount   = errors.New("wrong number of arguments")
	errCapture = errors.New("the first argument must be a capture")
	errString  = errors.New("an argument must be a string, not a capture")
)

// predicate adds a predicate to the pattern.
func (p *pattern) predicate(name string, arguments []Argument) (err error) {
	bare, negative := name, false
	anyOne := strings.HasPrefix(bare, "any-") && bare != "any-of?"
	if anyOne {
		bare = strings.TrimPrefix(bare, "any-")
	}
	bare, negative = strings.CutPrefix(bare, "not-")
	var t test
	switch bare {
	case "eq?":
		t, err = equal(arguments, !negative, anyOne)
	case "match?":
		t, err = matching(arguments, !negative, anyOne)
	case "any-of?":
		t, err = anyOf(arguments, !negative)
	case "is?":
		err = property(&p.info.Asserted, arguments)
	case "is-not?":
		err = property(&p.info.Refuted, arguments)
	case "set!":
		err = property(&p.info.Set, arguments)
	default:
		p.info.Predicates = append(p.info.Predicates, Predicate{name, slices.Clone(arguments)})
	}
	if t != nil {
		p.tests = append(p.tests, t)
	}
	return err
}

// texts are the texts of a capture in a match.
func texts(captures []Capture, name string) (list []string) {
	for _, c := range captures {
		if c.Name == name {
			list = append(list, c.Node.Text())
		}
	}
	return list
}

// fulfilled applies a condition to all texts, or to any one of them.
func fulfilled(list []string, anyOne bool, condition func(text string) bool) bool {
	if anyOne {
		return slices.ContainsFunc(list, condition)
	}
	return !slices.ContainsFunc(list, func(s string) bool { return !condition(s) })
}

// equal compares a capture with a string or with another capture, of which one text has to do.
func equal(a []Argument, positive, anyOne bool) (test, error) {
	switch {
	case len(a) != 2:
		return nil, errCount
	case !a[0].Capture:
		return nil, errCapture
	}
	return func(captures []Capture) bool {
		others := []string{a[1].Text}
		if a[1].Capture {
			others = texts(captures, a[1].Text)
		}
		return fulfilled(texts(captures, a[0].Text), anyOne, func(s string) bool {
			return slices.ContainsFunc(others, func(o string) bool { return (s == o) == positive })
		})
	}, nil
}

// matching compares a capture with a regular expression.
func matching(a []Argument, positive, anyOne bool) (test, error) {
	switch {
	case len(a) != 2:
		return nil, errCount
	case !a[0].Capture:
		return nil, errCapture
	case a[1].Capture:
		return nil, errString
	}
	expression, err := regexp.Compile(a[1].Text)
	if err != nil {
		return nil, err
	}
	return func(captures []Capture) bool {
		list := texts(captures, a[0].Text)
		if len(list) == 0 {
			return !positive
		}
		return fulfilled(list, anyOne,
			func(s string) bool { return expression.MatchString(s) == positive })
	}, nil
}

// anyOf compares a capture with some strings.
func anyOf(a []Argument, positive bool) (test, error) {
	switch {
	case len(a) < 1:
		return nil, errCount
	case !a[0].Capture:
		return nil, errCapture
	}
	var values []string
	for _, v := range a[1:] {
		if v.Capture {
			return nil, errString
		}
		values = append(values, v.Text)
	}
	return func(captures []Capture) bool {
		list := texts(captures, a[0].Text)
		if len(list) == 0 {
			return !positive
		}
		return fulfilled(list, false,
			func(s string) bool { return slices.Contains(values, s) }) == positive
	}, nil
}

// property adds a property.
func property(to *map[string]string, a []Argument) error {
	if len(a) < 1 || len(a) > 2 {
		return errCount
	}
	if slices.ContainsFunc(a, func(a Argument) bool { return a.Capture }) {
		return errString
	}
	if *to == nil {
		*to = map[string]string{}
	}
	value := ""
	if len(a) == 2 {
		value = a[1].Text
	}
	(*to)[a[0].Text] = value
	return nil
}
