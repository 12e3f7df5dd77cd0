package proof

import (
	"maps"
	"slices"

	"github.com/lockstep-wasm/lockstep/tla"
)

// NewInterpreter makes an interpreter of any specification that [Parse] reads. The constants are
// those that it declares; one with the name of a definition without parameters replaces that, as in
// a configuration of TLC.
func NewInterpreter(spec *tla.Specification, constants State) (*Interpreter, error) {
	module, err := Parse(spec)
	if err != nil {
		return nil, err
	}
	return &Interpreter{module: module, constants: constants}, nil
}

// With is the interpreter with another value of a constant.
func (i *Interpreter) With(constant string, value any) *Interpreter {
	changed := *i
	changed.constants = maps.Clone(i.constants)
	changed.constants[constant] = value
	return &changed
}

// Place is where something is in the text.
type Place struct {
	File string // the file of the module
	Line int    // counted from 1
}

// Steps evaluates an action, with its arguments, as TLC does: from left to right, where the first
// x' = e or x' \in S that is met says what x is next. It returns every next state, each once. Where
// there is none, refused is the place of the condition that came furthest in the text and did not
// hold. An action that leaves a variable open is a [*TranslationError], as is what cannot be
// evaluated; the other errors are those of Holds.
func (i *Interpreter) Steps(action string, now State, arguments ...any) (next []State,
	refused Place, err error) {
	defer caught(&err)
	d, err := i.module.Definition(action)
	if err != nil {
		return nil, Place{}, err
	}
	s := stepper{Interpreter: i}
	f := frame{now: now, next: State{}}
	for n, p := range d.Parameters {
		f = f.with(p, arguments[n])
	}
	s.walk(d.Body, f, func(state State) {
		for _, v := range i.module.Variables {
			if _, ok := state[v]; !ok {
				i.fail(d.Body, "the action %s, which leaves %s open", action, v)
			}
		}
		same := func(other State) bool { return s.same(state, other) }
		if !slices.ContainsFunc(next, same) {
			next = append(next, state)
		}
	})
	return next, s.refused, nil
}

// First evaluates a definition that says what the variables are at first, such as Init, and returns
// the state, of which there must be one.
func (i *Interpreter) First(definition string) (State, error) {
	primed := *i
	primed.initial = true
	states, _, err := primed.Steps(definition, State{})
	if err != nil {
		return nil, err
	}
	if len(states) != 1 {
		return nil, &TranslationError{File: i.module.Name + ".tla",
			What: definition + ", which is not true of one state"}
	}
	return states[0], nil
}

// stepper walks through the text of an action.
type stepper struct {
	*Interpreter
	refused Place
	depth   int // how many conditions held on the way to refused
	passed  int // and on the way to where the walk is
}

func (s *stepper) same(a, b State) bool {
	return !slices.ContainsFunc(s.module.Variables,
		func(v string) bool { return !Equal(a[v], b[v]) })
}

// walk calls then with each way to make e true; f.next has the variables that are decided.
func (s *stepper) walk(e Expr, f frame, then func(State)) {
	switch e := e.(type) {
	case *junctionExpr:
		if e.op == `/\` {
			s.all(e.items, f, then)
			return
		}
		for _, item := range e.items {
			s.walk(item, f, then)
		}
	case *quantifierExpr:
		if e.op == `\E` {
			s.exists(e, e.bounds, f, then)
			return
		}
		s.condition(e, f, then)
	case *ifExpr:
		if s.truth(e.condition, f) {
			s.walk(e.then, f, then)
		} else {
			s.walk(e.otherwise, f, then)
		}
	case *letExpr:
		for _, d := range e.definitions {
			f = f.with(d.Name, s.eval(d.Body, f))
		}
		s.walk(e.body, f, then)
	case *nameExpr:
		s.definition(e, f, then)
	case *unaryExpr:
		if e.op == "UNCHANGED" {
			s.unchangedAll(e.x, f, then)
			return
		}
		s.condition(e, f, then)
	case *binaryExpr:
		s.assignment(e, f, then)
	default:
		s.condition(e, f, then)
	}
}

func (s *stepper) condition(e Expr, f frame, then func(State)) {
	if s.truth(e, f) {
		s.passed++
		then(f.next)
		s.passed--
		return
	}
	if s.passed >= s.depth {
		s.depth, s.refused = s.passed, Place{e.where().file, e.where().line}
	}
}

func (s *stepper) all(items []Expr, f frame, then func(State)) {
	if len(items) == 0 {
		then(f.next)
		return
	}
	s.walk(items[0], f, func(next State) {
		rest := f
		rest.next = next
		s.all(items[1:], rest, then)
	})
}

func (s *stepper) exists(e *quantifierExpr, bounds []bound, f frame, then func(State)) {
	if len(bounds) == 0 {
		s.walk(e.body, f, then)
		return
	}
	for _, x := range as[Set](s.Interpreter, bounds[0].set, f) {
		s.exists(e, bounds[1:], f.with(bounds[0].name, x), then)
	}
}

// definition goes into an action that is called by its name.
func (s *stepper) definition(e *nameExpr, f frame, then func(State)) {
	_, local := f.locals[e.name]
	d, defined := s.module.definitions[e.name]
	if local || !defined || len(d.Parameters) != len(e.args) {
		s.condition(e, f, then)
		return
	}
	inside := frame{now: f.now, next: f.next}
	for n, p := range d.Parameters {
		inside = inside.with(p, s.eval(e.args[n], f))
	}
	s.walk(d.Body, inside, then)
}

// assignment is x' = e or x' \in S where x is not decided yet; anything else is a condition.
func (s *stepper) assignment(e *binaryExpr, f frame, then func(State)) {
	variable, ok := s.decides(e.left)
	_, decided := f.next[variable]
	if !ok || decided || e.op != "=" && e.op != `\in` {
		s.condition(e, f, then)
		return
	}
	values := Set{}
	if e.op == "=" {
		values = append(values, s.eval(e.right, f))
	} else {
		values = as[Set](s.Interpreter, e.right, f)
	}
	for _, v := range values {
		then(decide(f.next, variable, v))
	}
}

// decides names the variable of x', and of x where the initial state is looked for.
func (s *stepper) decides(e Expr) (variable string, ok bool) {
	if p, primed := e.(*primeExpr); primed != s.initial && primed {
		e = p.x
	} else if !s.initial {
		return "", false
	}
	n, ok := e.(*nameExpr)
	if !ok || len(n.args) > 0 || !slices.Contains(s.module.Variables, n.name) {
		return "", false
	}
	return n.name, true
}

func decide(next State, variable string, v any) State {
	next = maps.Clone(next)
	next[variable] = v
	return next
}

// unchangedAll takes apart the tuples of UNCHANGED.
func (s *stepper) unchangedAll(e Expr, f frame, then func(State)) {
	switch e := e.(type) {
	case *tupleExpr:
		if len(e.items) == 0 {
			then(f.next)
			return
		}
		s.unchangedAll(e.items[0], f, func(next State) {
			rest := f
			rest.next = next
			s.unchangedAll(&tupleExpr{e.position, e.items[1:]}, rest, then)
		})
		return
	case *nameExpr:
		if slices.Contains(s.module.Variables, e.name) {
			old := f.now[e.name]
			v, decided := f.next[e.name]
			if !decided {
				then(decide(f.next, e.name, old))
			} else if Equal(v, old) {
				then(f.next)
			}
			return
		}
		if d, ok := s.module.definitions[e.name]; ok && len(d.Parameters) == 0 {
			s.unchangedAll(d.Body, f, then)
			return
		}
	}
	s.condition(&unaryExpr{e.where(), "UNCHANGED", e}, f, then)
}

// Text is a text that equal states share, and no others. The variables of without do not count.
func (i *Interpreter) Text(s State, without ...string) string {
	text := ""
	for _, v := range i.module.Variables {
		if !slices.Contains(without, v) {
			text += canonical(s[v]) + ";"
		}
	}
	return text
}

// Value is a text that equal values share, and no others.
func (i *Interpreter) Value(v any) string { return canonical(v) }
