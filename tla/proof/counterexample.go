package proof

import (
	"context"
	"fmt"
	"strings"
)

// room is how many elements a sequence can have in a counterexample after the step; before it, one
// less.
const room = 3

// Counterexample is a step from a state in which every invariant holds, into one in which a
// property is broken, or which must not follow it. The state before it need not be one that can be
// reached: either the protocol is wrong, or the induction hypothesis says too little.
type Counterexample struct {
	Obligation Obligation
	// Arguments are the action's, such as "g = g1", in order.
	Arguments []string
	// Constants are those that are numbers, and Variables all variables, in the order of the
	// specification.
	Constants []Assignment
	Variables []Change
}

// Assignment is a name and its value, in words.
type Assignment struct{ Name, Value string }

// Change is a variable in the state before the step and after it. Without a step, Before is empty.
type Change struct{ Name, Before, After string }

// String returns the counterexample as a table: what changes is marked.
func (c *Counterexample) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", c.Obligation)
	if len(c.Arguments) > 0 {
		fmt.Fprintf(&b, ", %s", strings.Join(c.Arguments, ", "))
	}
	b.WriteString("\n")
	for _, a := range c.Constants {
		fmt.Fprintf(&b, "    %-10s %s\n", a.Name, a.Value)
	}
	for _, v := range c.Variables {
		switch v.Before {
		case "", v.After:
			fmt.Fprintf(&b, "    %-10s %s\n", v.Name, v.After)
		default:
			fmt.Fprintf(&b, "  * %-10s %s\n    %-10s %s\n", v.Name, v.Before, "", v.After)
		}
	}
	return b.String()
}

// Refute looks for a counterexample to an obligation among so many groups, and sequences of at most
// two elements. It returns nil if there is none that small, which proves nothing about larger ones.
// Errors wrap [ErrSolver] or are the context's; z3's having no answer is an error here, since the
// question has no quantifiers.
func (s *System) Refute(ctx context.Context, z Solver, o Obligation, groups int) (*Counterexample,
	error) {
	return s.translate(writtenWorld(groups, room)).refute(ctx, z, o)
}

func (tr *translation) refute(ctx context.Context, z Solver, o Obligation) (*Counterexample,
	error) {
	model, err := tr.model(ctx, z, o, tr.script(o), tr.questions(o))
	if model == nil || err != nil {
		return nil, err
	}
	return tr.counterexample(o, model), nil
}

// model asks for the values of terms that make a script true. It is nil if there are none.
func (tr *translation) model(ctx context.Context, z Solver, o Obligation, script string,
	terms []term) (map[term]string, error) {
	var b strings.Builder
	b.WriteString(script + "(get-value (")
	for _, t := range terms {
		b.WriteString(string(t) + " ")
	}
	b.WriteString("))\n")
	answer, out, err := z.Ask(ctx, b.String())
	switch {
	case err != nil:
		return nil, fmt.Errorf("%v: %w", o, err)
	case answer == Unsat:
		return nil, nil
	case answer == Unknown:
		return nil, fmt.Errorf("%w: %v: no answer about %d groups within %v", ErrSolver, o,
			len(tr.world.slots), z.Limit)
	}
	values, err := readValues(out, len(terms))
	if err != nil {
		return nil, fmt.Errorf("%v: %w", o, err)
	}
	model := map[term]string{}
	for i, t := range terms {
		model[t] = values[i]
	}
	return model, nil
}

// questions are all terms without quantifiers that the states, the constants and the arguments
// consist of.
func (tr *translation) questions(o Obligation) []term {
	var all []term
	s := tr.system
	ask := func(name, suffix string) {
		for _, c := range tr.world.components(s.signature[name]) {
			for _, arguments := range tr.tuples(c.arguments) {
				all = append(all, apply(name+suffix+c.suffix, arguments...))
			}
		}
	}
	for _, name := range s.symbolNames() {
		ask(name, "")
		if _, isVariable := tr.now()[name]; isVariable && o.Action != initDefinition {
			ask(name, nextSuffix)
		}
	}
	for _, c := range s.calls {
		for _, a := range c.arguments {
			if c.definition.Name == o.Action {
				all = append(all, term(a.name))
			}
		}
	}
	return all
}

func (tr *translation) now() state { return tr.system.state(tr.world, "") }

// tuples are all combinations of elements of sorts.
func (tr *translation) tuples(sorts []Sort) [][]term {
	all := [][]term{nil}
	for _, sort := range sorts {
		var longer [][]term
		for _, t := range all {
			for _, e := range tr.elementsOf(sort) {
				longer = append(longer, append(append([]term{}, t...), e))
			}
		}
		all = longer
	}
	return all
}

func (tr *translation) elementsOf(sort Sort) []term {
	switch sort {
	case Group:
		return tr.world.slots
	case Text:
		return tr.texts
	}
	var tags []term
	for _, t := range tagNames() {
		tags = append(tags, term(t))
	}
	return tags
}

// counterexample puts the values of the terms together again.
func (tr *translation) counterexample(o Obligation, model map[term]string) *Counterexample {
	s := tr.system
	c := &Counterexample{Obligation: o}
	show := func(name, suffix string) string {
		v := tr.world.assemble(s.signature[name], func(c component, args ...term) term {
			return term(model[apply(name+suffix+c.suffix, args...)])
		})
		return tr.show(v)
	}
	for _, call := range s.calls {
		for _, a := range call.arguments {
			if call.definition.Name == o.Action {
				c.Arguments = append(c.Arguments, a.name+" = "+showTerm(model[term(a.name)]))
			}
		}
	}
	variables := tr.now()
	for _, name := range s.symbolNames() {
		if _, ok := variables[name]; !ok {
			if s.signature[name].form == scalarForm {
				c.Constants = append(c.Constants, Assignment{name, show(name, "")})
			}
			continue
		}
		change := Change{Name: name, After: show(name, "")}
		if o.Action != initDefinition {
			change.Before, change.After = change.After, show(name, nextSuffix)
		}
		c.Variables = append(c.Variables, change)
	}
	return c
}
