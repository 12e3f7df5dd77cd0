// Package model holds what the linker is judged by: the sequential model of its user operations,
// which recorded histories are compared with, and the Explorer, which walks every state of the
// protocol.
//
// A sequential model is made from a Universe, which says what libraries there are and what their
// functions do; Step then tells which outcomes an operation may have:
//
//	m, err := model.NewSequential(universe)
//	s := m.Init()
//	s, err = m.Step(s,
//		model.Input{Op: model.OpOpen, Library: "libdouble.so"},
//		model.Output{Handle: 1, Commit: 1})
//
// The example Sequential is the whole of it.
//
// It is for this project, and promises nothing to other modules.
package model

import (
	"fmt"
	"slices"
)

// Sequential is the sequential model of the linker: what one client alone, doing one operation at a
// time, may see. It is what recorded histories are judged by, and shares no code with the linker:
// an oracle that shares code with what it judges is none.
//
// A Sequential never changes after NewSequential and may be used by any number of goroutines.
type Sequential struct {
	rules      Rules
	firstGroup int
	libs       []library
	byName     map[string]int
	funcs      []function     // by function number, aliases resolved
	data       []datum        // by data number, aliases resolved
	exporter   map[string]int // one library that exports a name
	component  []int
}

type library struct {
	Library
	needed  []int // unbound where the name is undefined
	exports map[string]symbol
}

// symbol is what an exported name means: a function number or a data number.
type symbol struct {
	kind   SymbolKind
	number int
}

type function struct {
	Function
	lib int
	imp int // which import of the library the behaviour is about
}

type datum struct {
	Data
	lib int
}

// NewSequential prepares the model for a universe. The error is a *UniverseError. The model keeps
// the slices of u; they must not be changed afterwards.
func NewSequential(u Universe) (*Sequential, error) {
	if err := u.Validate(); err != nil {
		return nil, err
	}
	m := &Sequential{rules: u.Rules, firstGroup: u.FirstGroup, byName: make(map[string]int),
		exporter: make(map[string]int)}
	for number, lib := range u.all() {
		m.byName[lib.Name] = number
	}
	for number, lib := range u.all() {
		l := library{Library: lib, exports: make(map[string]symbol)}
		for _, name := range lib.Needed {
			needed, ok := m.byName[name]
			if !ok {
				needed = unbound
			}
			l.needed = append(l.needed, needed)
		}
		m.addFunctions(number, &l)
		m.addData(number, &l)
		for name := range l.exports {
			m.exporter[name] = number
		}
		m.libs = append(m.libs, l)
	}
	m.component = m.components()
	return m, nil
}

func (m *Sequential) addFunctions(number int, l *library) {
	for _, f := range l.Functions {
		if f.AliasOf != "" {
			continue
		}
		l.exports[f.Name] = symbol{KindFunction, len(m.funcs)}
		imp := slices.IndexFunc(l.Imports,
			func(i Import) bool { return i.Name == f.Behaviour.Import })
		m.funcs = append(m.funcs, function{Function: f, lib: number, imp: imp})
	}
	for _, f := range l.Functions {
		if f.AliasOf != "" {
			l.exports[f.Name] = l.exports[f.AliasOf]
		}
	}
}

func (m *Sequential) addData(number int, l *library) {
	for _, d := range l.Data {
		if d.AliasOf != "" {
			continue
		}
		l.exports[d.Name] = symbol{KindData, len(m.data)}
		m.data = append(m.data, datum{Data: d, lib: number})
	}
	for _, d := range l.Data {
		if d.AliasOf != "" {
			l.exports[d.Name] = l.exports[d.AliasOf]
		}
	}
}

// Init is the state of a new process image: the main module and the first group.
func (m *Sequential) Init() *State {
	s := &State{
		libs:  make([]libState, len(m.libs)),
		funcs: make([]uint32, len(m.funcs)),
		data:  make([]uint64, len(m.data)),
	}
	s.hash = mix(tagCommit, 0, 0)
	s.setLib(0, libState{loaded: true, bindings: m.bind(0, []int{0})})
	s.setOrder([]int{0})
	s.setGlobal([]int{0})
	s.addGroup(m.firstGroup)
	return s
}

// LibraryNumber returns the number of a library: its position in the universe, where the main
// module is 0.
func (m *Sequential) LibraryNumber(name string) (number int, ok bool) {
	number, ok = m.byName[name]
	return number, ok
}

// Rules are the choices of the judged linker.
func (m *Sequential) Rules() Rules { return m.rules }

// Component tells which libraries can have to do with each other: two have the same component
// number if one needs the other, takes an import from it, or exports a name that the other exports
// too, or if a chain of such libraries joins them. Opening, closing and using libraries of
// different components is independent.
func (m *Sequential) Component(library int) int { return m.component[library] }

// components joins libraries in a union-find forest, and then names each by its root.
func (m *Sequential) components() []int {
	parent := make([]int, len(m.libs))
	for i := range parent {
		parent[i] = i
	}
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	for number, lib := range m.libs {
		for _, needed := range lib.needed {
			if needed != unbound {
				parent[find(needed)] = find(number)
			}
		}
		for name := range lib.exports {
			parent[find(m.exporter[name])] = find(number)
		}
		for _, imp := range lib.Imports {
			if provider, ok := m.exporter[imp.Name]; ok {
				parent[find(provider)] = find(number)
			}
		}
	}
	for i := range parent {
		parent[i] = find(i)
	}
	return parent
}

// Exporter returns a library that exports name; all that do are in one component. ok is false if
// none does.
func (m *Sequential) Exporter(name string) (library int, ok bool) {
	library, ok = m.exporter[name]
	return library, ok
}

// A Refusal says why the model does not allow an operation to have the outcome it had in a state.
type Refusal struct {
	// Reason is one of the Reason constants.
	Reason Reason
	// Want is what the model would have allowed, and Got what was there instead; both may be empty.
	Want, Got string
}

// Reason is a kind of Refusal.
type Reason string

// The reasons for a Refusal.
const (
	ReasonPointerChanged  Reason = "the symbol already has another pointer"
	ReasonSlotTaken       Reason = "the table slot belongs to something else"
	ReasonAddressTaken    Reason = "the address range belongs to something else"
	ReasonHandleChanged   Reason = "the library already has another handle"
	ReasonHandleTaken     Reason = "the handle belongs to another library"
	ReasonGroupTaken      Reason = "the group id belongs to a live group"
	ReasonWrongKind       Reason = "the symbol is of another kind"
	ReasonWrongResult     Reason = "the call should have had another result"
	ReasonWrongOutcome    Reason = "the operation should have ended differently"
	ReasonWrongSlots      Reason = "the slots are not what was asked for"
	ReasonStale           Reason = "the operation has seen an older state than this"
	ReasonCommitOrder     Reason = "the commit number is not above the newest"
	ReasonMissingCommit   Reason = "a commit number is missing"
	ReasonNeedlessCommit  Reason = "there was nothing to commit"
	ReasonNothingLoaded   Reason = "the slot belongs to no loaded function"
	ReasonPoisoned        Reason = "the process image is poisoned"
	ReasonUnknownArgument Reason = "there is no such operation"
)

// Error is the reason with what was wanted and found.
func (r *Refusal) Error() string {
	switch {
	case r.Want == "" && r.Got == "":
		return "model: " + string(r.Reason)
	case r.Want == "":
		return fmt.Sprintf("model: %s: got %s", r.Reason, r.Got)
	case r.Got == "":
		return fmt.Sprintf("model: %s: want %s", r.Reason, r.Want)
	}
	return fmt.Sprintf("model: %s: want %s, got %s", r.Reason, r.Want, r.Got)
}
