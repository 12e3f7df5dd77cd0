package proof

import (
	"fmt"
	"strconv"
	"strings"
)

// show writes a value whose terms are z3's values as TLA+ would.
func (tr *translation) show(v value) string {
	var parts []string
	switch v := v.(type) {
	case scalar:
		return showTerm(string(v.term))
	case sequence:
		n, _ := strconv.Atoi(string(v.length))
		for i := range min(n, len(v.items)) {
			parts = append(parts, showTerm(string(v.items[i])))
		}
		return "<<" + strings.Join(parts, ", ") + ">>"
	case set:
		for _, e := range tr.elementsOf(v.element.sort) {
			if v.has(scalar{v.element.sort, e}) == isTrue {
				parts = append(parts, showTerm(string(e)))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case function:
		for _, g := range tr.world.slots {
			parts = append(parts, showTerm(string(g))+" "+tr.show(v.at(g)))
		}
	}
	return strings.Join(parts, ", ")
}

// showTerm writes one of z3's values.
func showTerm(value string) string {
	if pair, ok := strings.CutPrefix(value, "(operation "); ok {
		kind, tag, _ := strings.Cut(strings.TrimSuffix(pair, ")"), " ")
		return "<<" + showTerm(kind) + ", " + showTerm(tag) + ">>"
	}
	if negative, ok := strings.CutPrefix(value, "(- "); ok {
		return "-" + strings.TrimSuffix(negative, ")")
	}
	switch term(value) {
	case none:
		return "None"
	case noOperation:
		return "<<>>"
	case isTrue, isFalse:
		return strings.ToUpper(value)
	}
	return strings.Trim(value, "|")
}

// readValues reads what z3 prints for (get-value (…)): a list of pairs, in the order in which they
// were asked for. Errors wrap [ErrSolver].
func readValues(text string, n int) ([]string, error) {
	r := &valueReader{text: text}
	if !r.accept('(') {
		return nil, fmt.Errorf("%w: no values: %.60q", ErrSolver, text)
	}
	var values []string
	for r.accept('(') {
		r.item() // the term
		values = append(values, r.item())
		if !r.accept(')') {
			break
		}
	}
	if !r.accept(')') || len(values) != n {
		return nil, fmt.Errorf("%w: %d values of %d could be read", ErrSolver, len(values), n)
	}
	return values, nil
}

// valueReader reads symbolic expressions.
type valueReader struct{ text string }

func (r *valueReader) space() { r.text = strings.TrimLeft(r.text, " \t\r\n") }

func (r *valueReader) accept(c byte) bool {
	r.space()
	if r.text == "" || r.text[0] != c {
		return false
	}
	r.text = r.text[1:]
	return true
}

// item reads a symbol or a list, and returns it with single spaces. At the end of the text it is
// empty.
func (r *valueReader) item() string {
	if r.accept('(') {
		var items []string
		for !r.accept(')') {
			if r.text == "" {
				return ""
			}
			items = append(items, r.item())
		}
		return "(" + strings.Join(items, " ") + ")"
	}
	length := strings.IndexAny(r.text, " \t\r\n()")
	if strings.HasPrefix(r.text, "|") {
		length = strings.IndexByte(r.text[1:], '|') + 2
	}
	if length < 1 {
		length = len(r.text)
	}
	var item string
	item, r.text = r.text[:length], r.text[length:]
	return item
}
