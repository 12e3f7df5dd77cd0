package proof

import "maps"

// structure evaluates what makes or takes apart sets, functions and sequences.
func (i *Interpreter) structure(e Expr, f frame) any {
	switch e := e.(type) {
	case *tupleExpr:
		return Sequence(i.all(e.items, f))
	case *setExpr:
		return setOf(i.all(e.items, f))
	case *filterExpr:
		s := Set{}
		for _, x := range as[Set](i, e.bound.set, f) {
			if i.truth(e.body, f.with(e.bound.name, x)) {
				s = append(s, x)
			}
		}
		return s
	case *imageExpr:
		var all []any
		for _, x := range as[Set](i, e.bounds[0].set, f) {
			all = append(all, i.eval(e.element, f.with(e.bounds[0].name, x)))
		}
		return setOf(all)
	case *functionExpr:
		of := Function{}
		for _, x := range as[Set](i, e.bound.set, f) {
			of[i.model(e, x)] = i.eval(e.body, f.with(e.bound.name, x))
		}
		return of
	case *exceptExpr:
		of := maps.Clone(as[Function](i, e.function, f))
		for _, c := range e.changes {
			at := i.model(c.index, i.eval(c.index, f))
			inside := f
			inside.old = i.apply(c.index, of, at)
			of[at] = i.eval(c.value, inside)
		}
		return of
	case *indexExpr:
		switch of := i.eval(e.function, f).(type) {
		case Function:
			return i.apply(e, of, i.model(e, i.eval(e.index, f)))
		case Sequence:
			return i.at(e, of, as[int](i, e.index, f))
		}
	}
	i.fail(e, "the expression %T", e)
	return nil
}

func (i *Interpreter) all(list []Expr, f frame) []any {
	all := make([]any, len(list))
	for n, e := range list {
		all[n] = i.eval(e, f)
	}
	return all
}

func (i *Interpreter) model(e Expr, v any) Model {
	m, ok := v.(Model)
	if !ok {
		i.nothing(e, "a function of %s", canonical(v))
	}
	return m
}

// apply is f[x]; x must be in the function's domain.
func (i *Interpreter) apply(e Expr, f Function, x Model) any {
	v, ok := f[x]
	if !ok {
		i.nothing(e, "a function at %s, where it has no value", x)
	}
	return v
}
