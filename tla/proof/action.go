package proof

import (
	"slices"
	"strings"
)

// action is a definition that says what a step does, taken apart: every conjunct is a condition on
// the state before it, or gives one variable its next value.
type action struct {
	definition *Definition
	guards     []Expr
	next       map[string]Expr // nil: unchanged
}

// takeApart splits an action. Every variable must get exactly one next value; a conjunct of any
// other form that has a prime in it is an error.
func (m *Module) takeApart(d *Definition) *action {
	a := &action{definition: d, next: map[string]Expr{}}
	conjuncts := []Expr{d.Body}
	if list, ok := d.Body.(*junctionExpr); ok && list.op == `/\` {
		conjuncts = list.items
	}
	fail := func(e Expr, what string) {
		panic(&TranslationError{File: e.where().file, Line: e.where().line, What: d.Name + ": " +
			what})
	}
	assign := func(e Expr, name string, to Expr) {
		if _, twice := a.next[name]; twice || !slices.Contains(m.Variables, name) {
			fail(e, "a next value of "+name+", which has one already or is no variable")
		}
		a.next[name] = to
	}
	for _, c := range conjuncts {
		if u, ok := c.(*unaryExpr); ok && u.op == "UNCHANGED" {
			for _, name := range m.names(u.x) {
				assign(c, name, nil)
			}
			continue
		}
		if b, ok := c.(*binaryExpr); ok && b.op == "=" {
			if p, ok := b.left.(*primeExpr); ok {
				if name, ok := p.x.(*nameExpr); ok && len(name.args) == 0 && !primed(b.right) {
					assign(c, name.name, b.right)
					continue
				}
			}
		}
		if primed(c) {
			fail(c, "a condition on the next state")
		}
		a.guards = append(a.guards, c)
	}
	for _, name := range m.Variables {
		if _, ok := a.next[name]; !ok {
			fail(d, "no next value of "+name)
		}
	}
	return a
}

// names are the variables of UNCHANGED.
func (m *Module) names(e Expr) []string {
	t := translator{module: m}
	var all []string
	switch e := t.unfold(e).(type) {
	case *nameExpr:
		return []string{e.name}
	case *tupleExpr:
		for _, item := range e.items {
			all = append(all, m.names(item)...)
		}
	}
	return all
}

// call is one line of a next-state relation: an action with the names of its arguments, and the
// sets they are from.
type call struct {
	*action
	arguments []bound
}

func (c call) String() string {
	var names []string
	for _, a := range c.arguments {
		names = append(names, a.name)
	}
	if len(names) == 0 {
		return c.definition.Name
	}
	return c.definition.Name + "(" + strings.Join(names, ", ") + ")"
}

// calls reads a definition that lists actions: alternatives, each behind existential quantifiers
// over its arguments. An alternative that names another such list stands for all of it.
func (m *Module) calls(name string) []call {
	d, ok := m.definitions[name]
	if !ok {
		panic(&TranslationError{File: m.Name + ".tla", What: "there is no definition of " + name})
	}
	list, ok := d.Body.(*junctionExpr)
	if !ok || list.op != `\/` {
		return []call{{action: m.takeApart(d)}}
	}
	var all []call
	for _, e := range list.items {
		var c call
		for {
			q, ok := e.(*quantifierExpr)
			if !ok || q.op != `\E` {
				break
			}
			c.arguments = append(c.arguments, q.bounds...)
			e = q.body
		}
		applied, ok := e.(*nameExpr)
		if !ok {
			panic(&TranslationError{File: e.where().file, Line: e.where().line, What: name +
				": an alternative that is no action"})
		}
		if len(c.arguments) == 0 && len(applied.args) == 0 {
			all = append(all, m.calls(applied.name)...)
			continue
		}
		c.action = m.takeApart(m.applied(applied, c.arguments))
		all = append(all, c)
	}
	return all
}

// applied is the definition of an action whose arguments are the bound names, in order.
func (m *Module) applied(e *nameExpr, arguments []bound) *Definition {
	d, ok := m.definitions[e.name]
	same := ok && len(d.Parameters) == len(arguments) && len(e.args) == len(arguments)
	for i := range arguments {
		if !same {
			break
		}
		name, ok := e.args[i].(*nameExpr)
		same = ok && len(name.args) == 0 && name.name == arguments[i].name
	}
	if !same {
		panic(&TranslationError{File: e.file, Line: e.line, What: e.name +
			" with other arguments than those that are bound before it"})
	}
	return d
}
