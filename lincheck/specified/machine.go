package specified

import (
	"fmt"
	"strings"

	"github.com/lockstep-wasm/lockstep/tla"
	"github.com/lockstep-wasm/lockstep/tla/proof"
)

// specModule is the specification that histories are judged by, and firstState what says how it
// begins.
const (
	specModule = "LinkerResults"
	firstState = "ResultsInit"
)

// passing is the variable that says what was, not what can be: what a group was given last is
// compared with the result in the step that gives it. States that differ in it alone are one.
const passing = "gave"

// machine evaluates the specification. States have numbers; what was evaluated is remembered.
type machine struct {
	text   *proof.Interpreter
	found  map[int]*proof.Interpreter // with each pointer as the only one
	states []proof.State
	number map[string]int
	after  map[attempt]outcome
	steps  int64 // how many were evaluated
	memory int64 // about what states and steps take, in bytes
}

// attempt is a way, as text, in a state.
type attempt struct {
	state int
	way   string
}

type outcome struct {
	next    []int
	refused proof.Place // where next is empty
}

func newMachine(constants proof.State) (m *machine, first int, err error) {
	spec, err := tla.LoadSpecification(tla.Files(), specModule)
	if err != nil {
		return nil, 0, err
	}
	text, err := proof.NewInterpreter(spec, constants)
	if err != nil {
		return nil, 0, err
	}
	m = &machine{text: text, found: map[int]*proof.Interpreter{}}
	m.forget()
	state, err := text.First(firstState)
	if err != nil {
		return nil, 0, err
	}
	return m, m.add(state), nil
}

// forget drops the states and what is known of them.
func (m *machine) forget() {
	m.states, m.number, m.after = nil, map[string]int{}, map[attempt]outcome{}
	m.memory = 0
}

// stateCost is about what a state takes besides its text, in bytes: measured, on 64 bits.
const stateCost = 2000

// add gives a state its number.
func (m *machine) add(state proof.State) int {
	key := m.text.Text(state, passing)
	n, ok := m.number[key]
	if !ok {
		n = len(m.states)
		m.states, m.number[key] = append(m.states, state), n
		m.memory += int64(len(key)) + stateCost
	}
	return n
}

// try performs the actions of a way one after the other, and forgets the log, which is about the
// proof and would grow. Where there is no way on, refused is the condition of the specification
// that does not hold.
func (m *machine) try(state int, w way) (outcome, error) {
	what := attempt{state, fmt.Sprint(w)}
	if o, ok := m.after[what]; ok {
		return o, nil
	}
	now := []proof.State{m.states[state]}
	var o outcome
	for _, a := range append(w[:len(w):len(w)], does("Forgets")) {
		var next []proof.State
		for _, s := range now {
			m.steps++
			states, refused, err := m.interpreter(a).Steps(a.name, s, a.arguments...)
			if err != nil {
				return outcome{}, err
			}
			next, o.refused = append(next, states...), refused
		}
		now = next
	}
	for _, s := range now {
		o.next = append(o.next, m.add(s))
	}
	m.after[what] = o
	m.memory += int64(len(what.way))
	return o, nil
}

// interpreter is the one for an action. The specification lets a symbol have any pointer; of all
// steps only those with the pointer that was found matter.
func (m *machine) interpreter(a action) *proof.Interpreter {
	if a.pointer == 0 {
		return m.text
	}
	if m.found[a.pointer] == nil {
		m.found[a.pointer] = m.text.With("Pointers", proof.Set{a.pointer})
	}
	return m.found[a.pointer]
}

// describe is what a state says of libraries, handles and groups.
func (m *machine) describe(state int) string {
	s := m.states[state]
	var parts []string
	for _, v := range []string{"members", "loaded", "holds", "pointer"} {
		parts = append(parts, v+" = "+m.text.Value(s[v]))
	}
	return strings.Join(parts, ", ")
}
