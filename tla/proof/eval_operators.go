package proof

// builtin are the operators of the standard modules.
func (t *translator) builtin(e *nameExpr, args []value) (value, bool) {
	one := func() sequence {
		if len(args) != 1 {
			t.fail(e, "%s with %d arguments", e.name, len(args))
		}
		s, ok := args[0].(sequence)
		if !ok {
			t.fail(e, "%s of a value that is no sequence", e.name)
		}
		return s
	}
	switch e.name {
	case "Len":
		return scalar{Number, t.length(one())}, true
	case "Head":
		return t.at(one(), "1"), true
	case "Tail":
		return t.tail(one()), true
	case "Append":
		return t.append(e, args), true
	case "SubSeq":
		if len(args) == 3 {
			s, isSequence := args[0].(sequence)
			from, isNumber := args[1].(scalar)
			to, isNumber2 := args[2].(scalar)
			if isSequence && isNumber && isNumber2 {
				if part, ok := t.between(s, from.term, to.term); ok {
					return part, true
				}
			}
		}
		t.fail(e, "SubSeq, which only a written-out world has")
	case "Cardinality":
		return t.cardinality(e, args), true
	}
	return nil, false
}

func (t *translator) append(e Expr, args []value) value {
	if len(args) != 2 {
		t.fail(e, "Append with %d arguments", len(args))
	}
	element, ok := args[1].(scalar)
	if _, isEmpty := args[0].(empty); isEmpty && ok {
		args[0] = t.empty(element.sort)
	}
	s, ok2 := args[0].(sequence)
	if !ok || !ok2 || s.element != element.sort {
		t.fail(e, "Append of values that do not fit")
	}
	return t.appended(s, element.term)
}

// cardinality counts: the open world knows only the number of different elements of a sequence.
func (t *translator) cardinality(e Expr, args []value) value {
	if len(args) == 1 {
		s, ok := args[0].(set)
		switch {
		case ok && s.rangeOf != nil:
			return scalar{Number,
				apply(operatorOn("cardinality", s.rangeOf.element), s.rangeOf.term)}
		case ok && t.slots != nil:
			n := numeral(0)
			for _, v := range t.elements(s.element) {
				n = sum("+", n, choose(s.has(v), "1", "0"))
			}
			return scalar{Number, n}
		}
	}
	t.fail(e, "Cardinality of something else than the range of a sequence")
	return nil
}

func (t *translator) binary(e *binaryExpr, in scope) value {
	switch e.op {
	case "=>":
		return formula(implies(t.formula(e.left, in), t.formula(e.right, in)))
	case "<=>":
		return formula(equal(t.formula(e.left, in), t.formula(e.right, in)))
	case "=":
		return formula(t.equation(e, in))
	case "#", "/=":
		return formula(not(t.equation(e, in)))
	case `\in`:
		return formula(t.member(e, in))
	case `\notin`:
		return formula(not(t.member(e, in)))
	case `\subseteq`, `\cup`, `\union`, `\cap`, `\`:
		return t.sets(e, in)
	case `\X`:
		return t.pairs(e, in)
	case "..":
		first, last := t.number(e.left, in), t.number(e.right, in)
		has := func(x value) term {
			n := x.(scalar).term
			return and(compare("<=", first, n), compare("<=", n, last))
		}
		return set{element: Scalar(Number), has: has, span: &[2]term{first, last}}
	case "+", "-":
		return scalar{Number, sum(e.op, t.number(e.left, in), t.number(e.right, in))}
	case "<", "<=", "=<":
		return formula(compare(map[string]string{"<": "<", "<=": "<=", "=<": "<="}[e.op],
			t.number(e.left, in), t.number(e.right, in)))
	case ">", ">=":
		return formula(compare(map[string]string{">": "<", ">=": "<="}[e.op], t.number(e.right, in),
			t.number(e.left, in)))
	case `\o`:
		s, ok := t.eval(e.left, in).(sequence)
		u, ok2 := t.eval(e.right, in).(sequence)
		if ok && ok2 && s.element == u.element {
			if both, ok := t.concatenated(s, u); ok {
				return both
			}
		}
	}
	t.fail(e, "the operator %s here", e.op)
	return nil
}

func (t *translator) equation(e *binaryExpr, in scope) term {
	left, right := t.eval(e.left, in), t.eval(e.right, in)
	_, bothEmpty := left.(empty)
	_, other := right.(empty)
	if bothEmpty && other {
		return isTrue
	}
	a, b, ok := t.alike(left, right)
	if !ok {
		t.fail(e, "an equation of values that do not have the same shape")
	}
	return t.equals(a, b)
}

// member is x \in S; S may be a set of functions, which is no value of its own.
func (t *translator) member(e *binaryExpr, in scope) term {
	if functions, ok := e.right.(*functionsExpr); ok {
		f, ok := t.eval(e.left, in).(function)
		if !ok {
			t.fail(e, "a value that is no function from groups")
		}
		values := t.set(functions.values, in)
		return t.within("forall", t.set(functions.domain, in),
			func(x value) term { return t.contains(e, values, f.at(x.(scalar).term)) })
	}
	return t.contains(e, t.set(e.right, in), t.eval(e.left, in))
}

func (t *translator) contains(e Expr, s set, x value) term {
	if s.any {
		return isFalse
	}
	x, ok := t.convert(x, s.element)
	if !ok {
		t.fail(e, "an element that has not the shape %v", s.element)
	}
	return s.has(x)
}

func (t *translator) sets(e *binaryExpr, in scope) value {
	left, right := t.eval(e.left, in), t.eval(e.right, in)
	x, y, ok := t.alike(left, right)
	if _, isSet := left.(set); !isSet || !ok {
		t.fail(e, "%s of values that are no sets of the same shape", e.op)
	}
	a, b := x.(set), y.(set)
	switch e.op {
	case `\subseteq`:
		return formula(t.within("forall", a, b.has))
	case `\cap`:
		return set{element: a.element, has: func(x value) term { return and(a.has(x), b.has(x)) }}
	case `\`:
		return set{element: a.element,
			has: func(x value) term { return and(a.has(x), not(b.has(x))) }}
	}
	return set{element: a.element, has: func(x value) term { return or(a.has(x), b.has(x)) }}
}

// pairs is the product of a set of texts and a set of tags: operations.
func (t *translator) pairs(e *binaryExpr, in scope) value {
	kinds, tags := t.set(e.left, in), t.set(e.right, in)
	if !kinds.element.same(Scalar(Text)) || !tags.element.same(Scalar(Tag)) {
		t.fail(e, "a product of other sets than texts and tags")
	}
	return set{element: Scalar(Operation), has: func(x value) term {
		o := x.(scalar).term
		return and(not(equal(o, noOperation)), kinds.has(scalar{Text, apply("kind", o)}),
			tags.has(scalar{Tag, apply("tag", o)}))
	}}
}
