package counterexample

import (
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/tla"
)

// variable is a variable of a state, or a group's element of one, as text.
type variable struct{ name, value string }

// variables lists what a state is made of.
func variables(s *protocol.State) []variable { return variablesOf(variablesOfText(s.TLA())) }

// variablesOfText reads the conjunction that protocol.State.TLA writes.
func variablesOfText(text string) (list []tla.Variable) {
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), `/\ `), " = ")
		if ok {
			list = append(list, tla.Variable{Name: name, Value: value})
		}
	}
	return list
}

// variablesOf takes functions over the groups apart: stage = (g1 :> "Idle" @@ g2 :> "Leased") is
// two variables, stage[g1] and stage[g2].
func variablesOf(state []tla.Variable) (list []variable) {
	for _, v := range state {
		value := oneLine(v.Value)
		inner, ok := strings.CutPrefix(value, "(")
		if !ok || !strings.Contains(value, " :> ") {
			list = append(list, variable{v.Name, value})
			continue
		}
		for _, part := range strings.Split(strings.TrimSuffix(inner, ")"), " @@ ") {
			group, element, _ := strings.Cut(part, " :> ")
			list = append(list, variable{v.Name + "[" + group + "]", strings.Trim(element, `"`)})
		}
	}
	return list
}

// oneLine is a value of TLC on one line.
func oneLine(value string) string { return strings.Join(strings.Fields(value), " ") }

// stateText is a state as text that is the same for equal states of all sources.
func stateText(state []tla.Variable) string {
	var parts []string
	for _, v := range variablesOf(state) {
		parts = append(parts, v.name+"="+strings.ReplaceAll(v.value, " ", ""))
	}
	slices.Sort(parts)
	return strings.Join(parts, "\n")
}

// changes lists what is different.
func changes(before, after []variable) (list []Change) {
	old := make(map[string]string, len(before))
	for _, v := range before {
		old[v.name] = v.value
	}
	for _, v := range after {
		if old[v.name] != v.value {
			list = append(list, Change{Variable: v.name, Before: old[v.name], After: v.value})
		}
	}
	return list
}
