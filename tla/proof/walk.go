package proof

import (
	"maps"
	"slices"
)

// children are the expressions that an expression is made of, in the order of the text.
func children(e Expr) []Expr {
	var all []Expr
	sets := func(bounds ...bound) {
		for _, b := range bounds {
			all = append(all, b.set)
		}
	}
	switch e := e.(type) {
	case *nameExpr:
		return e.args
	case *unaryExpr:
		return []Expr{e.x}
	case *binaryExpr:
		return []Expr{e.left, e.right}
	case *junctionExpr:
		return e.items
	case *quantifierExpr:
		sets(e.bounds...)
		return append(all, e.body)
	case *ifExpr:
		return []Expr{e.condition, e.then, e.otherwise}
	case *letExpr:
		for _, d := range e.definitions {
			all = append(all, d.Body)
		}
		return append(all, e.body)
	case *tupleExpr:
		return e.items
	case *setExpr:
		return e.items
	case *filterExpr:
		return []Expr{e.bound.set, e.body}
	case *imageExpr:
		sets(e.bounds...)
		return append([]Expr{e.element}, all...)
	case *functionExpr:
		return []Expr{e.bound.set, e.body}
	case *functionsExpr:
		return []Expr{e.domain, e.values}
	case *exceptExpr:
		all = append(all, e.function)
		for _, c := range e.changes {
			all = append(all, c.index, c.value)
		}
		return all
	case *indexExpr:
		return []Expr{e.function, e.index}
	case *primeExpr:
		return []Expr{e.x}
	case *stepExpr:
		return []Expr{e.action, e.subscript}
	}
	return nil
}

// anywhere tells whether a condition is true of an expression or of one within it.
func anywhere(e Expr, condition func(Expr) bool) bool {
	return condition(e) ||
		slices.ContainsFunc(children(e), func(c Expr) bool { return anywhere(c, condition) })
}

// primed tells whether an expression speaks of the next state. A definition that is named in it
// cannot hide a prime: the translation of a condition has no next state.
func primed(e Expr) bool {
	return anywhere(e, func(e Expr) bool {
		u, isUnary := e.(*unaryExpr)
		_, isPrime := e.(*primeExpr)
		return isPrime || isUnary && u.op == "UNCHANGED"
	})
}

// switches are the strings X of which the module asks whether "X" \in Off, in order.
func (m *Module) switches() []string {
	found := map[string]bool{}
	for _, d := range m.definitions {
		anywhere(d.Body, func(e Expr) bool {
			b, ok := e.(*binaryExpr)
			if !ok || b.op != `\in` && b.op != `\notin` {
				return false
			}
			name, isString := b.left.(*stringExpr)
			if of, isName := b.right.(*nameExpr); isString && isName && of.name == "Off" {
				found[name.text] = true
			}
			return false
		})
	}
	return slices.Sorted(maps.Keys(found))
}
