package proof

import "slices"

func (i *Interpreter) eval(e Expr, f frame) any {
	switch e := e.(type) {
	case *nameExpr:
		return i.name(e, f)
	case *numberExpr:
		n := 0
		for _, digit := range e.text {
			n = 10*n + int(digit-'0')
		}
		return n
	case *stringExpr:
		return e.text
	case *unaryExpr:
		return i.unary(e, f)
	case *binaryExpr:
		return i.binary(e, f)
	case *junctionExpr:
		// In the order of the text, and no further than necessary, as TLC does it.
		and := e.op == `/\`
		for _, item := range e.items {
			if i.truth(item, f) != and {
				return !and
			}
		}
		return and
	case *quantifierExpr:
		return i.quantifier(e, e.bounds, f)
	case *ifExpr:
		if i.truth(e.condition, f) {
			return i.eval(e.then, f)
		}
		return i.eval(e.otherwise, f)
	case *letExpr:
		for _, d := range e.definitions {
			if len(d.Parameters) > 0 {
				i.fail(e, "LET with parameters")
			}
			f = f.with(d.Name, i.eval(d.Body, f))
		}
		return i.eval(e.body, f)
	case *primeExpr:
		return i.eval(e.x, i.primed(e, f))
	case *stepExpr:
		return i.unchanged(e.subscript, f) || i.truth(e.action, f)
	case *oldExpr:
		return f.old
	}
	return i.structure(e, f)
}

// primed is where an expression with a prime is evaluated.
func (i *Interpreter) primed(e Expr, f frame) frame {
	if f.next == nil {
		i.fail(e, "a step where there is no next state")
	}
	f.now, f.next = f.next, nil
	return f
}

func (i *Interpreter) unchanged(e Expr, f frame) bool {
	return Equal(i.eval(e, f), i.eval(e, i.primed(e, f)))
}

func (i *Interpreter) unary(e *unaryExpr, f frame) any {
	switch e.op {
	case "~":
		return !i.truth(e.x, f)
	case "UNCHANGED":
		return i.unchanged(e.x, f)
	case "[]": // only [][A]_v comes here, of which one step is meant
		return i.eval(e.x, f)
	}
	i.fail(e, "the operator %s", e.op)
	return nil
}

// name is a bound name, a variable, a constant, a standard operator or a definition.
func (i *Interpreter) name(e *nameExpr, f frame) any {
	if len(e.args) == 0 {
		for _, values := range []map[string]any{f.locals, f.now, i.constants} {
			if v, ok := values[e.name]; ok {
				return v
			}
		}
	}
	switch e.name {
	case "TRUE":
		return true
	case "FALSE":
		return false
	case "Len":
		return len(as[Sequence](i, e.args[0], f))
	case "Head":
		return i.at(e, as[Sequence](i, e.args[0], f), 1)
	case "Tail":
		s := as[Sequence](i, e.args[0], f)
		i.at(e, s, 1)
		return s[1:]
	case "Append":
		return append(slices.Clone(as[Sequence](i, e.args[0], f)), i.eval(e.args[1], f))
	case "SubSeq":
		s := as[Sequence](i, e.args[0], f)
		from, to := as[int](i, e.args[1], f), as[int](i, e.args[2], f)
		if from > to {
			return Sequence{}
		}
		i.at(e, s, from)
		i.at(e, s, to)
		return s[from-1 : to]
	case "Cardinality":
		return len(as[Set](i, e.args[0], f))
	}
	d, ok := i.module.definitions[e.name]
	if !ok || len(d.Parameters) != len(e.args) {
		i.fail(e, "the name %s with %d arguments", e.name, len(e.args))
	}
	inside := frame{now: f.now, next: f.next}
	for n, p := range d.Parameters {
		inside = inside.with(p, i.eval(e.args[n], f))
	}
	return i.eval(d.Body, inside)
}

// at is an element of a sequence, from 1.
func (i *Interpreter) at(e Expr, s Sequence, n int) any {
	if n < 1 || n > len(s) {
		i.nothing(e, "element %d of %d", n, len(s))
	}
	return s[n-1]
}

func (i *Interpreter) quantifier(e *quantifierExpr, bounds []bound, f frame) any {
	if len(bounds) == 0 {
		return i.truth(e.body, f)
	}
	for _, x := range as[Set](i, bounds[0].set, f) {
		inside := f.with(bounds[0].name, x)
		if e.op == "CHOOSE" {
			if i.truth(e.body, inside) {
				return x
			}
			continue
		}
		if exists := e.op == `\E`; i.quantifier(e, bounds[1:], inside).(bool) == exists {
			return exists
		}
	}
	if e.op == "CHOOSE" {
		i.nothing(e, "CHOOSE of nothing")
	}
	return e.op == `\A`
}

func (i *Interpreter) binary(e *binaryExpr, f frame) any {
	switch e.op {
	case "=>":
		return !i.truth(e.left, f) || i.truth(e.right, f)
	case "<=>":
		return i.truth(e.left, f) == i.truth(e.right, f)
	case "=":
		return Equal(i.eval(e.left, f), i.eval(e.right, f))
	case "#", "/=":
		return !Equal(i.eval(e.left, f), i.eval(e.right, f))
	case `\in`:
		return i.member(e, f)
	case `\notin`:
		return !i.member(e, f)
	case `\o`:
		return slices.Concat(as[Sequence](i, e.left, f), as[Sequence](i, e.right, f))
	case `\subseteq`, `\cup`, `\union`, `\cap`, `\`, `\X`:
		return i.sets(e, f)
	}
	a, b := as[int](i, e.left, f), as[int](i, e.right, f)
	switch e.op {
	case "..":
		s := Set{}
		for n := a; n <= b; n++ {
			s = append(s, n)
		}
		return s
	case "+":
		return a + b
	case "-":
		return a - b
	case "<":
		return a < b
	case "<=", "=<":
		return a <= b
	case ">":
		return a > b
	case ">=":
		return a >= b
	}
	i.fail(e, "the operator %s", e.op)
	return nil
}

// member is x \in S; S may be a set of functions, which is not written out.
func (i *Interpreter) member(e *binaryExpr, f frame) bool {
	functions, ok := e.right.(*functionsExpr)
	if !ok {
		return as[Set](i, e.right, f).has(i.eval(e.left, f))
	}
	of, values := as[Function](i, e.left, f), as[Set](i, functions.values, f)
	domain := as[Set](i, functions.domain, f)
	for _, v := range of {
		if !values.has(v) {
			return false
		}
	}
	return len(of) == len(domain)
}

func (i *Interpreter) sets(e *binaryExpr, f frame) any {
	a, b := as[Set](i, e.left, f), as[Set](i, e.right, f)
	in := func(s Set, want bool) Set {
		return slices.DeleteFunc(slices.Clone(a), func(x any) bool { return s.has(x) != want })
	}
	switch e.op {
	case `\subseteq`:
		return len(in(b, true)) == len(a)
	case `\cap`:
		return in(b, true)
	case `\`:
		return in(b, false)
	case `\X`:
		product := Set{}
		for _, x := range a {
			for _, y := range b {
				product = append(product, Sequence{x, y})
			}
		}
		return product
	}
	return append(in(b, false), b...)
}
