package faults

// linkerFaults are mistakes in the linker itself.
func linkerFaults() []Fault {
	return []Fault{{
		Name: "linker: no second look-up in Symbol",
		What: "two groups that resolve one function at the same time get two pointers",
		Edits: []Edit{
			{"linker/tx.go", `	if slot, ok := t.l.state.scope.pointer(fn); ok {
		return slot, nil
	}
`, ``},
		},
		By: []Named{{"linked", "TestSymbolLooksAgain"}},
	}}
}
