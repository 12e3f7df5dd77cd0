package proof

// value is what an expression means: terms, with their structure. There are five kinds.
type value interface {
	// shape is the type; known is false where it depends on the other side of an equation: {} and
	// <<>>.
	shape() (s Shape, known bool)
}

type (
	// scalar is a single term.
	scalar struct {
		sort Sort
		term term
	}
	// set is given by its membership.
	set struct {
		element Shape
		any     bool // {}: a set of elements of every shape
		has     func(value) term
		members []value   // all of them, where they are written out; with has
		span    *[2]term  // the first and the last, of a set of numbers
		rangeOf *sequence // Range(q) of a sequence without structure
	}
	// sequence is a term, or its elements; see [sequences].
	sequence struct {
		element Sort
		term    term
		length  term
		items   []term
	}
	// function is from groups.
	function struct{ at func(term) value }
	// empty is <<>>: an empty sequence or no operation.
	empty struct{}
)

func (v scalar) shape() (Shape, bool)   { return Scalar(v.sort), true }
func (v sequence) shape() (Shape, bool) { return SequenceOf(v.element), true }
func (v set) shape() (Shape, bool)      { return Shape{form: setForm, element: &v.element}, !v.any }
func (empty) shape() (Shape, bool)      { return Shape{}, false }
func (v function) shape() (Shape, bool) {
	s, known := v.at(none).shape()
	return FunctionTo(s), known
}

func formula(t term) value { return scalar{Boolean, t} }

// convert gives a value the shape, which decides what {} and <<>> are, or reports that it has
// another.
func (w *world) convert(v value, s Shape) (value, bool) {
	switch v := v.(type) {
	case empty:
		switch {
		case s.form == scalarForm && s.sort == Operation:
			return scalar{Operation, noOperation}, true
		case s.form == sequenceForm:
			return w.empty(s.element.sort), true
		}
		return nil, false
	case set:
		if v.any && s.form == setForm {
			v.element, v.any = *s.element, false
			return v, true
		}
	case function:
		if s.form != functionForm {
			return nil, false
		}
		if _, ok := w.convert(v.at(none), *s.element); !ok {
			return nil, false
		}
		return function{func(g term) value {
			c, _ := w.convert(v.at(g), *s.element)
			return c
		}}, true
	}
	have, known := v.shape()
	return v, known && have.same(s)
}

// alike gives two values the shape of the one that knows its own.
func (w *world) alike(a, b value) (value, value, bool) {
	if s, known := a.shape(); known {
		b, ok := w.convert(b, s)
		return a, b, ok
	}
	s, known := b.shape()
	if !known {
		return a, b, false
	}
	a, ok := w.convert(a, s)
	return a, b, ok
}

// pick is "IF condition THEN a ELSE b" of values that are alike.
func (w *world) pick(condition term, a, b value) (value, bool) {
	if condition == isTrue {
		return a, true
	}
	if condition == isFalse {
		return b, true
	}
	_, knowA := a.shape()
	_, knowB := b.shape()
	if _, ok := a.(empty); ok && !knowB {
		return a, b == value(empty{})
	}
	if knowA || knowB {
		var ok bool
		if a, b, ok = w.alike(a, b); !ok {
			return nil, false
		}
	}
	switch a := a.(type) {
	case scalar:
		return scalar{a.sort, choose(condition, a.term, b.(scalar).term)}, true
	case sequence:
		return w.pickSequence(condition, a, b.(sequence)), true
	case set:
		other := b.(set)
		return set{element: a.element, any: a.any,
			has: func(x value) term { return choose(condition, a.has(x), other.has(x)) }}, true
	case function:
		other := b.(function)
		return function{func(g term) value {
			v, ok := w.pick(condition, a.at(g), other.at(g))
			if !ok {
				return empty{}
			}
			return v
		}}, true
	}
	return nil, false
}

// equals is a = b of values that are alike.
func (w *world) equals(a, b value) term {
	switch a := a.(type) {
	case scalar:
		return equal(a.term, b.(scalar).term)
	case sequence:
		return w.equalSequences(a, b.(sequence))
	case set:
		other := b.(set)
		return w.forAll(a.element, func(x value) term { return equal(a.has(x), other.has(x)) })
	case function:
		other := b.(function)
		return w.forAll(Scalar(Group), func(x value) term {
			g := x.(scalar).term
			return implies(not(equal(g, none)), w.equals(a.at(g), other.at(g)))
		})
	}
	return isTrue // <<>> = <<>>
}
