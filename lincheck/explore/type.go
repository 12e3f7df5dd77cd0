package explore

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// Type is a type under test: its operations are called by several goroutines at once.
type Type[T any] struct {
	// New makes the instance that a run works on.
	New func() T
	// Operations names the methods that are called; none: all exported methods whose arguments can
	// be made.
	Operations []string
	// Table are operations besides, or instead of, methods. If there are some and Operations is
	// empty, no methods are called.
	Table []Operation[T]
	// Values are what arguments are chosen from: for an argument of type int, all values of type
	// int. The types bool, string, int and the like, error and any have values by default.
	Values []any
	// Sequential makes an instance of another type with the same operations, whose sequential
	// behaviour is the specification; nil: the type's own sequential behaviour is.
	Sequential func() any
	// Model is the specification as porcupine has it, instead: its inputs are Calls, its outputs
	// the []any that an operation has returned, with a Panicked for a panic.
	Model *porcupine.Model
	// Invariant is checked when all operations have ended.
	Invariant func(T) error
	// Observe is called when all operations have ended, and what it returns is judged like the
	// results of one more operation.
	Observe func(T) []any
	// Cleanup is called after a run, outside of the scheduler, whatever became of the run.
	Cleanup func(T)
	// Threads is how many goroutines a scenario has, and PerThread how many operations each; 0: 2
	// and 2.
	Threads, PerThread int
	// Scenarios is how many scenarios are explored; 0: 60.
	Scenarios int
	// Seed makes other scenarios.
	Seed uint64
	// Custom are scenarios to be explored instead of generated ones, written as reports show them
	// in the command that repeats a run: "Push(1)/Pop()|Pop();Push(2)/Pop()" pushes 1, then lets
	// two goroutines work at the same time, then pops.
	Custom []string

	Options Options
}

// Operation is an operation that is not a method.
type Operation[T any] struct {
	Name string
	// Do performs the operation with one value for each element of Args, and returns its results.
	Do func(instance T, args ...any) []any
	// Args are, for each argument, the values that it is chosen from.
	Args [][]any
	// Sequential performs the operation on what Type.Sequential makes; nil: Do is called, with an
	// instance of T.
	Sequential func(instance any, args ...any) []any
}

// Call is an operation with its arguments.
type Call struct {
	Name string
	Args []any
}

// String is the call as it stands in a program: Push(1).
func (c Call) String() string {
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		args[i] = describe(a)
	}
	return c.Name + "(" + strings.Join(args, ", ") + ")"
}

// Panicked is the result of an operation that panicked.
type Panicked struct{ Value string }

func (p Panicked) String() string { return "panic: " + p.Value }

// operation is an operation of either kind.
type operation struct {
	name       string
	args       [][]any
	do         func(instance any, args []any) []any
	sequential func(instance any, args []any) []any
}

// TypeError is the error of a Type that cannot be tested.
type TypeError struct {
	Type    string
	Problem string
}

func (e *TypeError) Error() string { return fmt.Sprintf("explore: type %s: %s", e.Type, e.Problem) }

// operations lists what can be called. The error is a *TypeError.
func (c *Type[T]) operations() (list []operation, err error) {
	typ := reflect.TypeFor[T]()
	bad := func(format string, args ...any) error {
		return &TypeError{typ.String(), fmt.Sprintf(format, args...)}
	}
	if c.New == nil {
		return nil, bad("New is nil")
	}
	for _, o := range c.Table {
		op := operation{name: o.Name, args: o.Args,
			do: func(x any, args []any) []any { return o.Do(x.(T), args...) }}
		op.sequential = op.do
		if o.Sequential != nil {
			op.sequential = func(x any, args []any) []any { return o.Sequential(x, args...) }
		} else if c.Sequential != nil {
			return nil, bad("operation %s says nothing about the sequential type", o.Name)
		}
		list = append(list, op)
	}
	for _, name := range c.Operations {
		if _, ok := typ.MethodByName(name); !ok {
			return nil, bad("there is no method %s", name)
		}
	}
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		named := slices.Contains(c.Operations, m.Name)
		if !named && (len(c.Operations) > 0 || len(c.Table) > 0) {
			continue
		}
		op, problem := c.method(m)
		switch {
		case problem == "":
			list = append(list, op)
		case named:
			return nil, bad("method %s: %s", m.Name, problem)
		}
	}
	if len(list) == 0 {
		return nil, bad("there are no operations: no exported method has arguments that can be " +
			"made; see Values")
	}
	return list, nil
}

// method makes an operation of a method, or says what the problem is.
func (c *Type[T]) method(m reflect.Method) (op operation, problem string) {
	op.name = m.Name
	typ := m.Type
	first := 1 // the receiver comes first, unless T is an interface
	if reflect.TypeFor[T]().Kind() == reflect.Interface {
		first = 0
	}
	if typ.IsVariadic() {
		return op, "it is variadic"
	}
	for i := first; i < typ.NumIn(); i++ {
		values := c.valuesOf(typ.In(i))
		if len(values) == 0 {
			return op, fmt.Sprintf("there are no values of type %s", typ.In(i))
		}
		op.args = append(op.args, values)
	}
	op.do = func(x any, args []any) []any { return callMethod(x, m.Name, args) }
	op.sequential = op.do
	if c.Sequential != nil {
		if _, ok := reflect.TypeOf(c.Sequential()).MethodByName(m.Name); !ok {
			return op, "the sequential type has no such method"
		}
	}
	return op, ""
}

// callMethod calls a method by its name.
func callMethod(x any, name string, args []any) []any {
	m := reflect.ValueOf(x).MethodByName(name)
	in := make([]reflect.Value, len(args))
	for i, a := range args {
		if a == nil {
			in[i] = reflect.Zero(m.Type().In(i))
		} else {
			in[i] = reflect.ValueOf(a)
		}
	}
	var out []any
	for _, v := range m.Call(in) {
		out = append(out, v.Interface())
	}
	return out
}
