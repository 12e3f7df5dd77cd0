package proof

import "fmt"

// world is how quantifiers and sequences are translated. There are two: the open world, for proofs,
// has any number of groups and sequences of any length; a written-out world, for counterexamples,
// has so many slots, and sequences whose elements are terms of their own, so that nothing is
// quantified and z3 always comes to an answer (see spec/rationale.md, "Why are counterexamples
// looked for among three groups?").
type world struct {
	sequences
	slots []term // the groups that are written out; nil in the open world
	names int    // bound names that were given so far
}

func openWorld() *world { return &world{sequences: openSequences{}} }

// writtenWorld has the slots g1, g2, …, and sequences with room for so many elements.
func writtenWorld(slots, room int) *world {
	w := &world{sequences: &writtenSequences{room: room}}
	for i := range slots {
		w.slots = append(w.slots, term(fmt.Sprintf("|g%d|", i+1)))
	}
	return w
}

// name is one that no other bound variable has.
func (w *world) name(prefix string) term {
	w.names++
	return term(fmt.Sprintf("%s%d", prefix, w.names))
}

// forAll is the conjunction of what body says of every value of a shape, None included.
func (w *world) forAll(s Shape, body func(value) term) term {
	if w.slots != nil {
		var all []term
		for _, v := range w.elements(s) {
			all = append(all, body(v))
		}
		return and(all...)
	}
	x := w.name("x")
	v, sort := w.variable(s, x)
	return bind("forall", x, sort, body(v))
}

func bind(quantifier string, x term, sort string, body term) term {
	if body == isTrue || body == isFalse {
		return body // no sort is empty
	}
	return term(fmt.Sprintf("(%s ((%s %s)) %s)", quantifier, x, sort, body))
}

// variable is a value of an open world that a quantifier binds, and its sort in SMT-LIB.
func (w *world) variable(s Shape, x term) (value, string) {
	switch s.form {
	case scalarForm:
		return scalar{s.sort, x}, string(s.sort)
	case sequenceForm:
		return sequence{element: s.element.sort, term: x}, sequenceSort(s.element.sort)
	}
	panic(&TranslationError{What: fmt.Sprintf("a quantifier over values of the shape %v", s)})
}

// elements are all values of a shape in a written-out world.
func (w *world) elements(s Shape) []value {
	if s.form != scalarForm || s.sort != Group {
		panic(&TranslationError{
			What: fmt.Sprintf("a quantifier over all of the shape %v, which has no end", s)})
	}
	all := []value{scalar{Group, none}}
	for _, g := range w.slots {
		all = append(all, scalar{Group, g})
	}
	return all
}

// within is the conjunction (or the disjunction) of what body says of every element of a set.
func (w *world) within(quantifier string, s set, body func(value) term) term {
	combine, one := and, func(v value) term { return implies(s.has(v), body(v)) }
	if quantifier == "exists" {
		combine, one = or, func(v value) term { return and(s.has(v), body(v)) }
	}
	var all []term
	switch {
	case s.any:
		return combine()
	case s.members != nil:
		for _, v := range s.members {
			all = append(all, body(v))
		}
		return combine(all...)
	case w.slots != nil && s.span != nil:
		for _, i := range w.indices() {
			all = append(all, one(scalar{Number, i}))
		}
		return combine(all...)
	case w.slots != nil:
		for _, v := range w.elements(s.element) {
			all = append(all, one(v))
		}
		return combine(all...)
	}
	x := w.name("x")
	v, sort := w.variable(s.element, x)
	return bind(quantifier, x, sort, one(v))
}

// indices are the numbers that can be positions in a sequence of a written-out world.
func (w *world) indices() []term {
	var all []term
	for i := range w.sequences.(*writtenSequences).room {
		all = append(all, numeral(i+1))
	}
	return all
}
