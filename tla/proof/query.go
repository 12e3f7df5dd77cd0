package proof

import (
	"fmt"
	"strings"
)

// nextSuffix is behind the names of variables in the next state.
const nextSuffix = ".next"

// translation is a whole system in the terms of one world, in parts of which each obligation needs
// some. It does not change once it is made.
type translation struct {
	system     *System
	world      *world
	sorts      string              // and their elements
	texts      []term              // all strings
	symbols    string              // of constants and variables
	given      []string            // what the constants are, and facts about sequences
	initially  []string            // the initial states
	hypothesis []string            // the invariants hold
	steps      map[string][]string // by action: it is taken, and leads to the next state
	// by property: it does not hold in the next state, or of the step
	broken     map[string]term
	notInitial map[string]term // by invariant: it does not hold
}

func (s *System) translate(w *world) *translation {
	tr := &translation{system: s, world: w, steps: map[string][]string{}, broken: map[string]term{},
		notInitial: map[string]term{}}
	q := &part{t: s.translator(w)}
	now, next := s.state(w, ""), s.state(w, nextSuffix)

	q.definition("what the constants are", s.module.definitions[assumptions], scope{})
	if w.slots == nil {
		s.facts(q)
	} else {
		s.fit(q, now)
	}
	tr.given = q.cut()
	q.definition("initially", s.module.definitions[initDefinition], scope{now: now})
	tr.initially = q.cut()
	for _, name := range s.invariants {
		q.definition("holds", s.module.definitions[name], scope{now: now})
	}
	tr.hypothesis = q.cut()
	for _, c := range s.calls {
		s.step(q, c, now)
		tr.steps[c.definition.Name] = q.cut()
	}
	for _, name := range s.invariants {
		body := s.module.definitions[name].Body
		tr.broken[name] = not(q.t.formula(body, scope{now: next}))
		q.t.names = 0
		tr.notInitial[name] = not(q.t.formula(body, scope{now: now}))
		q.t.names = 0
	}
	for _, name := range s.properties {
		d := s.module.definitions[name]
		if u, ok := d.Body.(*unaryExpr); !ok || u.op != "[]" {
			q.t.fail(d.Body, "%s, which is not of the form [][A]_v", name)
		}
		tr.broken[name] = not(q.t.formula(d.Body, scope{now: now, next: next}))
		q.t.names = 0
	}
	tr.sorts, tr.symbols, tr.texts = s.sorts(q.t), s.symbols(w), q.t.texts()
	return tr
}

// Script returns an obligation as a text in SMT-LIB 2 whose answer is "unsat" if it is proved: the
// invariants hold, a step is taken, and the property is broken, all of which must be impossible
// together. That is for any number of groups and all constants but Off. An obligation that is none
// of [System.Obligations] has the empty script.
func (s *System) Script(o Obligation) string { return s.open.script(o) }

func (tr *translation) script(o Obligation) string {
	broken, ok := tr.broken[o.Property]
	parts := [][]string{tr.given, tr.hypothesis, tr.steps[o.Action]}
	if o.Action == initDefinition {
		broken, ok = tr.notInitial[o.Property]
		parts = [][]string{tr.given, tr.initially}
	}
	if !ok || parts[len(parts)-1] == nil {
		return ""
	}
	return tr.text(o.String(), parts) +
		fmt.Sprintf("; broken: %s\n(assert %s)\n(check-sat)\n", o.Property, broken)
}

// text is the beginning of a script: declarations, and some parts.
func (tr *translation) text(title string, parts [][]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "; %s\n%s%s", title, tr.sorts, tr.symbols)
	for _, part := range parts {
		for _, line := range part {
			b.WriteString(line)
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// part collects the lines of a part of a translation.
type part struct {
	t     *translator
	lines []string
}

func (q *part) add(format string, args ...any) {
	q.lines = append(q.lines, fmt.Sprintf(format, args...))
}

func (q *part) assert(t term) {
	if t != isTrue {
		q.add("(assert %s)", t)
	}
}

// cut returns the lines so far, and begins the next part.
func (q *part) cut() []string {
	lines := q.lines
	q.lines, q.t.names = nil, 0
	return lines
}

// definition asserts a definition, conjunct by conjunct.
func (q *part) definition(what string, d *Definition, in scope) {
	q.add("; %s: %s", what, d.Name)
	if list, ok := d.Body.(*junctionExpr); ok && list.op == `/\` {
		for _, e := range list.items {
			q.assert(q.t.formula(e, in))
		}
		return
	}
	q.assert(q.t.formula(d.Body, in))
}

// facts asserts what is known of sequences of groups and of operations.
func (s *System) facts(q *part) {
	d := s.module.definitions[sequenceFacts]
	for _, element := range []Sort{Group, Operation} {
		everything := func(value) term { return isTrue }
		in := scope{locals: map[string]value{
			d.Parameters[0]: set{element: SequenceOf(element), has: everything},
			d.Parameters[1]: set{element: Scalar(element), has: everything},
		}}
		q.definition("sequences of "+string(element), d, in)
	}
}

// step asserts that the action is taken, and defines the next state.
func (s *System) step(q *part, c call, now state) {
	in := scope{now: now, locals: map[string]value{}}
	q.add("; the step: %v", c)
	for i, a := range c.arguments {
		domain := q.t.set(a.set, in)
		v, sort := scalar{domain.element.sort, term(a.name)}, domain.element.sort
		q.add("(declare-const %s %s)", a.name, sort)
		q.assert(domain.has(v))
		in.locals[c.definition.Parameters[i]] = v
	}
	for _, guard := range c.guards {
		q.assert(q.t.formula(guard, in))
	}
	s.define(q, c, in)
}

// define gives the variables of the next state their values.
func (s *System) define(q *part, c call, in scope) {
	q.add("; the next state")
	w := q.t.world
	for _, name := range s.module.Variables {
		shape, after := s.signature[name], in.now[name]
		if e := c.next[name]; e != nil {
			v, ok := w.convert(q.t.eval(e, in), shape)
			if !ok {
				q.t.fail(e, "a next value of %s that is not of the shape %v", name, shape)
			}
			after = v
		}
		for i, component := range w.components(shape) {
			var parameters []string
			var arguments []term
			for k, sort := range component.arguments {
				a := term(fmt.Sprintf("a%d", k+1))
				parameters = append(parameters, fmt.Sprintf("(%s %s)", a, sort))
				arguments = append(arguments, a)
			}
			q.add("(define-fun %s%s%s (%s) %s %s)", name, nextSuffix, component.suffix,
				strings.Join(parameters, " "), component.sort,
				w.disassemble(after, i, arguments...))
		}
	}
}

// fit limits the sequences of a state of a written-out world, so that there is room for one more
// element.
func (s *System) fit(q *part, now state) {
	room := q.t.sequences.(*writtenSequences).room
	limit := func(v value) {
		length := v.(sequence).length
		q.assert(and(compare("<=", "0", length), compare("<", length, numeral(room))))
	}
	for _, name := range s.module.Variables {
		shape := s.signature[name]
		switch {
		case shape.form == sequenceForm:
			limit(now[name])
		case shape.form == functionForm && shape.element.form == sequenceForm:
			for _, g := range q.t.slots {
				limit(now[name].(function).at(g))
			}
		}
	}
}
