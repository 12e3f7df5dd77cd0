package proof

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// symbolNames are the constants and variables that have symbols. None, Groups and Off have none:
// each translation gives them a meaning of their own.
func (s *System) symbolNames() []string {
	return slices.DeleteFunc(slices.Concat(s.module.Constants, s.module.Variables),
		func(name string) bool {
			return name == "None" || name == "Groups" || name == "Off"
		})
}

// symbols declares the constants and variables.
func (s *System) symbols(w *world) string {
	var b strings.Builder
	for _, name := range s.symbolNames() {
		for _, c := range w.components(s.signature[name]) {
			var arguments []string
			for _, a := range c.arguments {
				arguments = append(arguments, string(a))
			}
			fmt.Fprintf(&b, "(declare-fun %s%s (%s) %s)\n", name, c.suffix,
				strings.Join(arguments, " "), c.sort)
		}
	}
	return b.String()
}

// texts are the strings that were met in translating, in order.
func (t *translator) texts() []term {
	var all []term
	for _, text := range slices.Sorted(maps.Keys(t.strings)) {
		all = append(all, quoted(text))
	}
	return all
}

// sorts declares the sorts and their elements, when everything was translated.
func (s *System) sorts(t *translator) string {
	var texts []string
	for _, text := range t.texts() {
		texts = append(texts, string(text))
	}
	const operations = "(declare-datatypes ((Operation 0)) (((" + string(noOperation) +
		") (operation (kind Text) (tag Tag)))))\n"
	if t.slots != nil {
		groups := []string{string(none)}
		for _, g := range t.slots {
			groups = append(groups, string(g))
		}
		texts = append(texts, kindNames()...)
		return enumeration(Group, groups) + enumeration(Text, texts) +
			enumeration(Tag, tagNames()) + operations
	}
	var b strings.Builder
	fmt.Fprintf(&b, "(declare-sort Group 0)\n(declare-sort Text 0)\n(declare-sort Tag "+
		"0)\n(declare-const %s Group)\n", none)
	for _, text := range texts {
		fmt.Fprintf(&b, "(declare-const %s Text)\n", text)
	}
	if len(texts) > 1 {
		fmt.Fprintf(&b, "(assert (distinct %s))\n", strings.Join(texts, " "))
	}
	return b.String() + operations + declareSequences(Group) + declareSequences(Operation)
}

// kindNames are strings of a written-out world besides those that the specification names: kinds of
// operations.
func kindNames() []string {
	return []string{string(quoted("LoadModules")), string(quoted("ResolveFunction"))}
}

// tagNames are the tags of a written-out world.
func tagNames() []string { return []string{"|1|", "|2|"} }

func enumeration(sort Sort, elements []string) string {
	return fmt.Sprintf("(declare-datatypes ((%s 0)) (((%s))))\n", sort,
		strings.Join(elements, ") ("))
}
