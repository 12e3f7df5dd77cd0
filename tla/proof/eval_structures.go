package proof

// structure evaluates what makes or takes apart sets, functions and sequences.
func (t *translator) structure(e Expr, in scope) value {
	switch e := e.(type) {
	case *tupleExpr:
		return t.tuple(e, in)
	case *setExpr:
		return t.enumeration(e, in)
	case *filterExpr:
		s := t.set(e.bound.set, in)
		return set{element: s.element, has: func(x value) term {
			return and(s.has(x), t.formula(e.body, in.with(e.bound.name, x)))
		}}
	case *imageExpr:
		return t.image(e, in)
	case *functionExpr:
		s := t.set(e.bound.set, in)
		if !s.element.same(Scalar(Group)) {
			t.fail(e, "a function from something else than groups")
		}
		return t.strict(function{func(g term) value {
			return t.eval(e.body, in.with(e.bound.name, scalar{Group, g}))
		}})
	case *exceptExpr:
		return t.except(e, in)
	case *indexExpr:
		return t.index(e, in)
	}
	t.fail(e, "the expression %T", e)
	return nil
}

// strict evaluates a function once, so that what it cannot do is an error here and not later.
func (t *translator) strict(f function) value {
	f.at(none)
	return f
}

// tuple is <<>>, or a sequence that is written out.
func (t *translator) tuple(e *tupleExpr, in scope) value {
	var all value = empty{}
	for _, item := range e.items {
		all = t.append(e, []value{all, t.eval(item, in)})
	}
	return all
}

func (t *translator) enumeration(e *setExpr, in scope) value {
	if len(e.items) == 0 {
		return set{any: true, has: func(value) term { return isFalse }}
	}
	s := set{}
	for i, item := range e.items {
		v := t.eval(item, in)
		shape, known := v.shape()
		if i == 0 {
			s.element = shape
		}
		if !known || !shape.same(s.element) {
			t.fail(e, "a set of elements of different shapes")
		}
		s.members = append(s.members, v)
	}
	s.has = func(x value) term {
		var all []term
		for _, v := range s.members {
			all = append(all, t.equals(x, v))
		}
		return or(all...)
	}
	return s
}

// image is {e : x \in S}.
func (t *translator) image(e *imageExpr, in scope) value {
	if len(e.bounds) != 1 {
		t.fail(e, "a set of several bound names")
	}
	from := t.set(e.bounds[0].set, in)
	example, _ := t.variable(from.element, "x")
	shape, known := t.eval(e.element, in.with(e.bounds[0].name, example)).shape()
	if !known {
		t.fail(e, "a set of elements of no shape")
	}
	return set{element: shape, has: func(x value) term {
		return t.within("exists", from,
			func(v value) term {
				return t.equals(t.eval(e.element, in.with(e.bounds[0].name, v)), x)
			})
	}}
}

// except is [f EXCEPT ![a] = e, …]; later changes see earlier ones.
func (t *translator) except(e *exceptExpr, in scope) value {
	f, ok := t.eval(e.function, in).(function)
	if !ok {
		t.fail(e, "EXCEPT of a value that is no function from groups")
	}
	for _, c := range e.changes {
		at, ok := t.eval(c.index, in).(scalar)
		if !ok || at.sort != Group {
			t.fail(c.index, "an index that is no group")
		}
		before := f
		inside := in
		inside.old = before.at(at.term)
		changed := t.eval(c.value, inside)
		if _, ok := t.pick("unknown", changed, before.at(none)); !ok {
			t.fail(c.value, "a value of another shape than the function's")
		}
		f = function{func(g term) value {
			v, _ := t.pick(equal(g, at.term), changed, before.at(g))
			return v
		}}
	}
	return f
}

// index is f[a], q[i] or o[1].
func (t *translator) index(e *indexExpr, in scope) value {
	of, at := t.eval(e.function, in), t.eval(e.index, in)
	i, ok := at.(scalar)
	if !ok {
		t.fail(e, "an index that is no group and no number")
	}
	switch of := of.(type) {
	case function:
		if i.sort == Group {
			return of.at(i.term)
		}
	case sequence:
		if i.sort == Number {
			return t.at(of, i.term)
		}
	case scalar:
		if of.sort == Operation && i.term == "1" {
			return scalar{Text, apply("kind", of.term)}
		}
		if of.sort == Operation && i.term == "2" {
			return scalar{Tag, apply("tag", of.term)}
		}
	}
	t.fail(e, "an index of this kind")
	return nil
}
