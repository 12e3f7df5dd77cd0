// Package spec has the specification's properties in words, for programs that show which of them is
// violated. The documents of this folder explain them.
//
// It is for this project, and promises nothing to other modules.
package spec

import (
	_ "embed"
	"strings"
)

//go:embed invariants.md
var invariants string

// Property is a property of the protocol as invariants.md has it.
type Property struct {
	Number   string // for good: I1, S3, L2
	Name     string // in tla/LinkerProperties.tla
	Sentence string
}

// Properties lists the properties, in the order of invariants.md.
func Properties() (list []Property) {
	for line := range strings.Lines(invariants) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || !strings.HasPrefix(strings.TrimSpace(cells[3]), "`") {
			continue
		}
		list = append(list, Property{
			Number: strings.TrimSpace(cells[1]), Name: strings.Trim(cells[3], " `"),
			Sentence: strings.TrimSpace(cells[2]),
		})
	}
	return list
}

// PropertyOf finds a property by its name in the specification; ok is false for one that
// invariants.md does not have.
func PropertyOf(name string) (p Property, ok bool) {
	for _, p := range Properties() {
		if p.Name == name {
			return p, true
		}
	}
	return Property{}, false
}
