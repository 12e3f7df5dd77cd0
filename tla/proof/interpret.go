package proof

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
)

// Interpreter evaluates the specification in states that are written out: what the text says, in
// place of what some program makes of it. It is for tests that compare a program with the text, in
// states that no behaviour reaches, too. It reads what [Parse] reads.
//
// An Interpreter may be used from any goroutine.
type Interpreter struct {
	module    *Module
	constants State
	calls     []call
	initial   bool // x = e says what x is at first, see First
}

// State gives variables and constants values: bool, int, string, [Model], [Sequence], [Set] and
// [Function].
type State map[string]any

// The values that are no values of Go.
type (
	// Model is a model value, which equals itself alone: a group, None.
	Model string
	// Sequence is a sequence or a tuple.
	Sequence []any
	// Set is a finite set; no element is in it twice.
	Set []any
	// Function is a function from model values.
	Function map[Model]any
)

// Interpreter makes an interpreter of the specification in which the constants have these values.
func (s *System) Interpreter(constants State) *Interpreter {
	return &Interpreter{module: s.module, constants: constants, calls: s.calls}
}

// frame is where an expression is evaluated.
type frame struct {
	now, next State // next is nil where there is no next state
	locals    map[string]any
	old       any // what @ means
}

func (f frame) with(name string, v any) frame {
	locals := maps.Clone(f.locals)
	if locals == nil {
		locals = map[string]any{}
	}
	locals[name] = v
	f.locals = locals
	return f
}

// Holds evaluates a definition without parameters: an invariant in now, or a property of steps,
// [][A]_v, in the step from now to next. next may be nil for an invariant. The errors are
// [*TranslationError], of a construct that is not known, and [*NoValueError].
func (i *Interpreter) Holds(name string, now, next State) (holds bool, err error) {
	defer caught(&err)
	d, err := i.module.Definition(name)
	if err != nil {
		return false, err
	}
	return i.truth(d.Body, frame{now: now, next: next}), nil
}

// Perform evaluates an action with its arguments: whether its conditions hold in a state, and if
// so, what the next state is. The errors are those of Holds.
func (i *Interpreter) Perform(action string, now State, arguments ...any) (next State, enabled bool,
	err error) {
	defer caught(&err)
	at := slices.IndexFunc(i.calls, func(c call) bool { return c.definition.Name == action })
	if at < 0 {
		return nil, false, &TranslationError{File: i.module.Name + ".tla",
			What: "there is no action " + action}
	}
	c := i.calls[at]
	f := frame{now: now}
	for n, b := range c.arguments {
		f = f.with(b.name, arguments[n])
	}
	for _, g := range c.guards {
		if !i.truth(g, f) {
			return nil, false, nil
		}
	}
	next = maps.Clone(now)
	for name, e := range c.next {
		if e != nil {
			next[name] = i.eval(e, f)
		}
	}
	return next, true, nil
}

// Equal tells whether two values are the same.
func Equal(a, b any) bool { return canonical(a) == canonical(b) }

// canonical is a text that equal values share, and no others. The empty tuple is the empty
// sequence.
func canonical(v any) string {
	switch v := v.(type) {
	case string:
		return strconv.Quote(v)
	case Sequence:
		text := "<<"
		for _, x := range v {
			text += canonical(x) + ","
		}
		return text + ">>"
	case Set:
		elements := make([]string, len(v))
		for i, x := range v {
			elements[i] = canonical(x)
		}
		sort.Strings(elements)
		return fmt.Sprint("{", elements, "}")
	case Function:
		text := "["
		for _, k := range slices.Sorted(maps.Keys(v)) {
			text += string(k) + ":" + canonical(v[k]) + ","
		}
		return text + "]"
	}
	return fmt.Sprint(v)
}

func (s Set) has(x any) bool {
	return slices.ContainsFunc(s, func(y any) bool { return Equal(x, y) })
}

// setOf makes a set of values in which some may be equal.
func setOf(all []any) Set {
	s := Set{}
	for _, x := range all {
		if !s.has(x) {
			s = append(s, x)
		}
	}
	return s
}

// NoValueError is the error of an expression that has no value in a state: the first element of an
// empty sequence, a function where it is not defined.
type NoValueError struct {
	File string // the file of the module
	Line int    // counted from 1
	What string
}

// Error implements the error interface.
func (e *NoValueError) Error() string {
	return fmt.Sprintf("proof: no value: %s:%d: %s", e.File, e.Line, e.What)
}

// caught is catch, for what the interpreter panics with, too.
func caught(err *error) {
	switch r := recover().(type) {
	case nil:
	case *NoValueError:
		*err = r
	case *TranslationError:
		*err = r
	default:
		panic(r)
	}
}

func (i *Interpreter) nothing(e Expr, what string, args ...any) {
	panic(&NoValueError{File: e.where().file, Line: e.where().line,
		What: fmt.Sprintf(what, args...)})
}

func (i *Interpreter) fail(e Expr, what string, args ...any) {
	panic(&TranslationError{File: e.where().file, Line: e.where().line,
		What: fmt.Sprintf(what, args...)})
}

// as evaluates what must be a value of a type.
func as[T any](i *Interpreter, e Expr, f frame) T {
	v := i.eval(e, f)
	x, ok := v.(T)
	if !ok {
		i.nothing(e, "%v, which is no %T", canonical(v), x)
	}
	return x
}

func (i *Interpreter) truth(e Expr, f frame) bool { return as[bool](i, e, f) }
