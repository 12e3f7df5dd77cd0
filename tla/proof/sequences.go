package proof

import "fmt"

// sequences are the primitive operators on sequences.
type sequences interface {
	empty(element Sort) value
	equalSequences(a, b sequence) term
	pickSequence(condition term, a, b sequence) value
	length(s sequence) term
	at(s sequence, i term) scalar
	appended(s sequence, e term) sequence
	tail(s sequence) sequence
	// between is SubSeq(s, from, to); concatenated is s \o t. They are impossible in the open
	// world.
	between(s sequence, from, to term) (sequence, bool)
	concatenated(s, t sequence) (sequence, bool)
	// operator is what the name of a defined operator stands for, if it is not its definition.
	operator(name string) func(args []value) (value, bool)
}

// openSequences are elements of a sort without structure. All that is known of them are facts about
// their operators, which LinkerProof states and TLC checks. The operators Range, Front and Without
// are among these, so that no proof has to count positions: see spec/rationale.md, "Why are the
// facts about sequences written in TLA+?".
type openSequences struct{}

func sequenceSort(element Sort) string { return "Sequence." + string(element) }

func operatorOn(name string, element Sort) string { return name + "." + string(element) }

func (openSequences) empty(element Sort) value {
	return sequence{element: element, term: term(operatorOn("empty", element))}
}

func (openSequences) equalSequences(a, b sequence) term { return equal(a.term, b.term) }

func (openSequences) pickSequence(condition term, a, b sequence) value {
	return sequence{element: a.element, term: choose(condition, a.term, b.term)}
}

func (openSequences) length(s sequence) term {
	return apply(operatorOn("length", s.element), s.term)
}

func (openSequences) at(s sequence, i term) scalar {
	return scalar{s.element, apply(operatorOn("at", s.element), s.term, i)}
}

func (openSequences) appended(s sequence, e term) sequence {
	return sequence{element: s.element, term: apply(operatorOn("append", s.element), s.term, e)}
}

func (openSequences) tail(s sequence) sequence {
	return sequence{element: s.element, term: apply(operatorOn("tail", s.element), s.term)}
}

func (openSequences) between(sequence, term, term) (sequence, bool)    { return sequence{}, false }
func (openSequences) concatenated(sequence, sequence) (sequence, bool) { return sequence{}, false }

func (openSequences) operator(name string) func([]value) (value, bool) {
	first := func(args []value) (s sequence, ok bool) {
		if len(args) > 0 {
			s, ok = args[0].(sequence)
		}
		return s, ok
	}
	switch name {
	case "Range":
		return func(args []value) (value, bool) {
			s, ok := first(args)
			has := func(x value) term {
				return apply(operatorOn("range", s.element), s.term, x.(scalar).term)
			}
			return set{element: Scalar(s.element), has: has, rangeOf: &s}, ok
		}
	case "Front":
		return func(args []value) (value, bool) {
			s, ok := first(args)
			return sequence{element: s.element,
				term: apply(operatorOn("front", s.element), s.term)}, ok
		}
	case "Without":
		return func(args []value) (value, bool) {
			s, ok := first(args)
			if !ok || len(args) != 2 {
				return nil, false
			}
			e, ok := args[1].(scalar)
			return sequence{element: s.element,
				term: apply(operatorOn("without", s.element), s.term, e.term)}, ok
		}
	}
	return nil
}

// declareSequences declares the sort of sequences of an element and the operators on them.
func declareSequences(element Sort) string {
	s := sequenceSort(element)
	declarations := fmt.Sprintf("(declare-sort %s 0)\n", s)
	for _, d := range []struct{ name, arguments, result string }{
		{"empty", "", s},
		{"length", s, string(Number)},
		{"at", s + " Int", string(element)},
		{"append", s + " " + string(element), s},
		{"tail", s, s},
		{"range", s + " " + string(element), string(Boolean)},
		{"front", s, s},
		{"without", s + " " + string(element), s},
		{"cardinality", s, string(Number)},
	} {
		declarations += fmt.Sprintf("(declare-fun %s (%s) %s)\n", operatorOn(d.name, element),
			d.arguments, d.result)
	}
	return declarations
}

// writtenSequences have a length and a term for each position. Behind the end, the terms mean
// nothing.
type writtenSequences struct{ room int }

func (*writtenSequences) empty(element Sort) value {
	return sequence{element: element, length: "0"}
}

func (w *writtenSequences) equalSequences(a, b sequence) term {
	all := []term{equal(a.length, b.length)}
	for i := range max(len(a.items), len(b.items)) {
		if i >= len(a.items) || i >= len(b.items) {
			break // the lengths are equal: neither has an element here
		}
		all = append(all, implies(compare("<=", numeral(i+1), a.length),
			equal(a.items[i], b.items[i])))
	}
	return and(all...)
}

func (w *writtenSequences) pickSequence(condition term, a, b sequence) value {
	s := sequence{element: a.element, length: choose(condition, a.length, b.length)}
	for i := range max(len(a.items), len(b.items)) {
		switch {
		case i >= len(a.items):
			s.items = append(s.items, b.items[i])
		case i >= len(b.items):
			s.items = append(s.items, a.items[i])
		default:
			s.items = append(s.items, choose(condition, a.items[i], b.items[i]))
		}
	}
	return s
}

func (w *writtenSequences) length(s sequence) term { return s.length }

func (w *writtenSequences) at(s sequence, i term) scalar {
	found := filler(s.element)
	for k := len(s.items) - 1; k >= 0; k-- {
		found = choose(equal(i, numeral(k+1)), s.items[k], found)
	}
	return scalar{s.element, found}
}

// filler stands where a sequence has no element.
func filler(element Sort) term {
	if element == Group {
		return none
	}
	return noOperation
}

func (w *writtenSequences) appended(s sequence, e term) sequence {
	longer := sequence{element: s.element, length: sum("+", s.length, "1")}
	for i := range len(s.items) + 1 {
		item := filler(s.element)
		if i < len(s.items) {
			item = s.items[i]
		}
		longer.items = append(longer.items, choose(equal(s.length, numeral(i)), e, item))
	}
	return longer
}

func (w *writtenSequences) tail(s sequence) sequence {
	t, _ := w.between(s, "2", s.length)
	return t
}

func (w *writtenSequences) between(s sequence, from, to term) (sequence, bool) {
	length := sum("+", sum("-", to, from), "1")
	part := sequence{element: s.element, length: choose(compare("<", length, "0"), "0", length)}
	for i := range s.items {
		part.items = append(part.items, w.at(s, sum("+", from, numeral(i))).term)
	}
	return part, true
}

func (w *writtenSequences) concatenated(s, t sequence) (sequence, bool) {
	both := sequence{element: s.element, length: sum("+", s.length, t.length)}
	for i := range len(s.items) + len(t.items) {
		there := w.at(t, sum("-", numeral(i+1), s.length)).term
		if i < len(s.items) {
			there = choose(compare("<=", numeral(i+1), s.length), s.items[i], there)
		}
		both.items = append(both.items, there)
	}
	return both, true
}

func (*writtenSequences) operator(string) func([]value) (value, bool) { return nil }
