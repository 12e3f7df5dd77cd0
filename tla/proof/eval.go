package proof

import (
	"fmt"
	"maps"
)

// state gives every variable a value.
type state map[string]value

// scope is where an expression is evaluated.
type scope struct {
	now, next state // next is nil where there is no next state
	locals    map[string]value
	old       value // what @ means
}

func (s scope) with(name string, v value) scope {
	locals := maps.Clone(s.locals)
	if locals == nil {
		locals = map[string]value{}
	}
	locals[name] = v
	s.locals = locals
	return s
}

// translator turns expressions into terms. Its methods panic with a [*TranslationError] at a
// construct that they do not know.
type translator struct {
	*world
	module    *Module
	constants map[string]value
	strings   map[string]bool
}

func (t *translator) fail(e Expr, what string, args ...any) {
	panic(&TranslationError{File: e.where().file, Line: e.where().line,
		What: fmt.Sprintf(what, args...)})
}

func (t *translator) eval(e Expr, in scope) value {
	switch e := e.(type) {
	case *nameExpr:
		return t.name(e, in)
	case *numberExpr:
		return scalar{Number, term(e.text)}
	case *stringExpr:
		t.strings[e.text] = true
		return scalar{Text, quoted(e.text)}
	case *unaryExpr:
		return t.unary(e, in)
	case *binaryExpr:
		return t.binary(e, in)
	case *junctionExpr:
		return t.junction(e, in)
	case *quantifierExpr:
		return t.quantifier(e, in)
	case *ifExpr:
		v, ok := t.pick(t.formula(e.condition, in), t.eval(e.then, in), t.eval(e.otherwise, in))
		if !ok {
			t.fail(e, "an IF whose branches have different shapes")
		}
		return v
	case *letExpr:
		for _, d := range e.definitions {
			if len(d.Parameters) > 0 {
				t.fail(e, "LET with parameters")
			}
			in = in.with(d.Name, t.eval(d.Body, in))
		}
		return t.eval(e.body, in)
	case *primeExpr:
		if in.next == nil {
			t.fail(e, "a prime where there is no next state")
		}
		in.now, in.next = in.next, nil
		return t.eval(e.x, in)
	case *stepExpr:
		return t.step(e, in)
	case *oldExpr:
		if in.old == nil {
			t.fail(e, "@ outside of EXCEPT")
		}
		return in.old
	}
	return t.structure(e, in)
}

// name is a bound name, a variable, a constant, or a definition.
func (t *translator) name(e *nameExpr, in scope) value {
	if len(e.args) == 0 {
		if v, ok := in.locals[e.name]; ok {
			return v
		}
		if v, ok := in.now[e.name]; ok {
			return v
		}
		if v, ok := t.constants[e.name]; ok {
			return v
		}
	}
	switch e.name {
	case "TRUE":
		return formula(isTrue)
	case "FALSE":
		return formula(isFalse)
	}
	args := make([]value, len(e.args))
	for i, a := range e.args {
		args[i] = t.eval(a, in)
	}
	if v, ok := t.builtin(e, args); ok {
		return v
	}
	if operator := t.operator(e.name); operator != nil {
		v, ok := operator(args)
		if !ok {
			t.fail(e, "%s of a value that is no sequence", e.name)
		}
		return v
	}
	d, ok := t.module.definitions[e.name]
	if !ok {
		t.fail(e, "the name %s, which nothing defines", e.name)
	}
	return t.apply(e, d, args, in)
}

// apply evaluates a definition with arguments.
func (t *translator) apply(e Expr, d *Definition, args []value, in scope) value {
	if len(args) != len(d.Parameters) {
		t.fail(e, "%s with %d arguments", d.Name, len(args))
	}
	inside := scope{now: in.now, next: in.next, locals: map[string]value{}}
	for i, p := range d.Parameters {
		inside.locals[p] = args[i]
	}
	return t.eval(d.Body, inside)
}

// formula evaluates what must be true or false.
func (t *translator) formula(e Expr, in scope) term {
	v, ok := t.eval(e, in).(scalar)
	if !ok || v.sort != Boolean {
		t.fail(e, "an expression in the place of a formula")
	}
	return v.term
}

func (t *translator) number(e Expr, in scope) term {
	v, ok := t.eval(e, in).(scalar)
	if !ok || v.sort != Number {
		t.fail(e, "an expression in the place of a number")
	}
	return v.term
}

func (t *translator) set(e Expr, in scope) set {
	s, ok := t.eval(e, in).(set)
	if !ok {
		t.fail(e, "an expression in the place of a set")
	}
	return s
}

func (t *translator) unary(e *unaryExpr, in scope) value {
	switch e.op {
	case "~":
		return formula(not(t.formula(e.x, in)))
	case "UNCHANGED":
		return formula(t.unchanged(e.x, in))
	case "[]":
		// Only [][A]_v comes here: a step of it, and nothing about time, is what the translation
		// means.
		if _, ok := e.x.(*stepExpr); ok && in.next != nil {
			return t.eval(e.x, in)
		}
	}
	t.fail(e, "the operator %s", e.op)
	return nil
}

// unchanged is v' = v, for each part of a tuple.
func (t *translator) unchanged(e Expr, in scope) term {
	if in.next == nil {
		t.fail(e, "a step where there is no next state")
	}
	if tuple, ok := t.unfold(e).(*tupleExpr); ok {
		var all []term
		for _, item := range tuple.items {
			all = append(all, t.unchanged(item, in))
		}
		return and(all...)
	}
	now := t.eval(e, in)
	in.now, in.next = in.next, nil
	return t.equals(t.eval(e, in), now)
}

// unfold replaces a name without parameters by its definition: vars is a tuple.
func (t *translator) unfold(e Expr) Expr {
	if name, ok := e.(*nameExpr); ok && len(name.args) == 0 {
		if d, ok := t.module.definitions[name.name]; ok && len(d.Parameters) == 0 {
			return d.Body
		}
	}
	return e
}

// step is [A]_v.
func (t *translator) step(e *stepExpr, in scope) value {
	return formula(or(t.formula(e.action, in), t.unchanged(e.subscript, in)))
}

func (t *translator) junction(e *junctionExpr, in scope) value {
	var all []term
	for _, item := range e.items {
		all = append(all, t.formula(item, in))
	}
	if e.op == `/\` {
		return formula(and(all...))
	}
	return formula(or(all...))
}

func (t *translator) quantifier(e *quantifierExpr, in scope) value {
	quantifiers := map[string]string{`\A`: "forall", `\E`: "exists"}
	if e.op != "CHOOSE" {
		return formula(t.quantified(quantifiers[e.op], e.bounds, e.body, in))
	}
	s := t.set(e.bounds[0].set, in)
	if t.slots == nil || len(e.bounds) > 1 || s.span == nil {
		t.fail(e, "CHOOSE, which only a written-out world has, from numbers")
	}
	// The first one: LinkerSync chooses where there is one at most.
	chosen := numeral(0)
	indices := t.indices()
	for i := len(indices) - 1; i >= 0; i-- {
		x := scalar{Number, indices[i]}
		chosen = choose(and(s.has(x), t.formula(e.body, in.with(e.bounds[0].name, x))), x.term,
			chosen)
	}
	return scalar{Number, chosen}
}

func (t *translator) quantified(quantifier string, bounds []bound, body Expr, in scope) term {
	if len(bounds) == 0 {
		return t.formula(body, in)
	}
	s := t.set(bounds[0].set, in)
	return t.within(quantifier, s, func(v value) term {
		return t.quantified(quantifier, bounds[1:], body, in.with(bounds[0].name, v))
	})
}
