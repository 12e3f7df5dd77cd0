package tla

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Config is a TLC configuration: which constants, which behaviours, which properties.
type Config struct {
	// Specification is the temporal formula behind SPECIFICATION; otherwise Init and Next are set.
	Specification string
	Init, Next    string
	// Constants are the assignments, in order.
	Constants []Constant
	// Invariants and Properties are the names to check, in order.
	Invariants, Properties []string
	// Constraints, ActionConstraints and Symmetry limit what is explored.
	Constraints, ActionConstraints, Symmetry []string
	// View, Alias and Postcondition are the names behind these keywords, empty without.
	View, Alias, Postcondition string
	// CheckDeadlock is TLC's default, unless the configuration says CHECK_DEADLOCK FALSE.
	CheckDeadlock bool
}

// Constant is one line "Name = value" or "Name <- definition" of a configuration.
type Constant struct {
	Name string
	// Value is the text behind the sign.
	Value string
	// Replaced is true for "<-", where Value names a definition of the specification.
	Replaced bool
}

// configSections maps the keywords of a configuration to what they collect.
var configSections = map[string]func(c *Config) *[]string{
	"INVARIANT":          func(c *Config) *[]string { return &c.Invariants },
	"INVARIANTS":         func(c *Config) *[]string { return &c.Invariants },
	"PROPERTY":           func(c *Config) *[]string { return &c.Properties },
	"PROPERTIES":         func(c *Config) *[]string { return &c.Properties },
	"CONSTRAINT":         func(c *Config) *[]string { return &c.Constraints },
	"CONSTRAINTS":        func(c *Config) *[]string { return &c.Constraints },
	"ACTION_CONSTRAINT":  func(c *Config) *[]string { return &c.ActionConstraints },
	"ACTION_CONSTRAINTS": func(c *Config) *[]string { return &c.ActionConstraints },
	"ACTION-CONSTRAINT":  func(c *Config) *[]string { return &c.ActionConstraints },
	"ACTION-CONSTRAINTS": func(c *Config) *[]string { return &c.ActionConstraints },
	"SYMMETRY":           func(c *Config) *[]string { return &c.Symmetry },
}

// configWords maps the keywords that take one word to where it goes.
var configWords = map[string]func(c *Config) *string{
	"SPECIFICATION": func(c *Config) *string { return &c.Specification },
	"INIT":          func(c *Config) *string { return &c.Init },
	"NEXT":          func(c *Config) *string { return &c.Next },
	"VIEW":          func(c *Config) *string { return &c.View },
	"ALIAS":         func(c *Config) *string { return &c.Alias },
	"POSTCONDITION": func(c *Config) *string { return &c.Postcondition },
}

func isConfigKeyword(t token) bool {
	_, list := configSections[t.text]
	_, word := configWords[t.text]
	return t.kind == tokenWord &&
		(list || word || t.text == "CONSTANT" || t.text == "CONSTANTS" ||
			t.text == "CHECK_DEADLOCK")
}

// ParseConfig reads a TLC configuration. file is only for errors, which are [*SpecError]s.
func ParseConfig(file, source string) (*Config, error) {
	tokens, source, err := lex(source) // from here on without comments
	if err != nil {
		var lexical *lexError
		if errors.As(err, &lexical) {
			return nil, &SpecError{File: file, Line: lexical.line, Err: ErrSyntax,
				What: lexical.what}
		}
		return nil, &SpecError{File: file, Err: err}
	}
	c := &Config{CheckDeadlock: true}
	for len(tokens) > 0 {
		keyword := tokens[0]
		if !isConfigKeyword(keyword) {
			return nil, &SpecError{File: file, Line: keyword.line, Err: ErrSyntax,
				What: fmt.Sprintf("%q is no keyword of a configuration", keyword.text)}
		}
		end := 1
		for end < len(tokens) && !isConfigKeyword(tokens[end]) {
			end++
		}
		if what := c.section(keyword.text, tokens[1:end], source); what != "" {
			return nil, &SpecError{File: file, Line: keyword.line, Err: ErrSyntax, What: what}
		}
		tokens = tokens[end:]
	}
	return c, nil
}

// section takes in what stands behind one keyword and returns what is wrong with it.
func (c *Config) section(keyword string, items []token, source string) string {
	if list, ok := configSections[keyword]; ok {
		for _, t := range items {
			if t.kind != tokenWord {
				return fmt.Sprintf("%s takes names, not %q", keyword, t.text)
			}
			*list(c) = append(*list(c), t.text)
		}
		return ""
	}
	if keyword == "CONSTANT" || keyword == "CONSTANTS" {
		return c.constants(items, source)
	}
	if len(items) != 1 {
		return keyword + " takes one word"
	}
	if keyword == "CHECK_DEADLOCK" {
		if items[0].text != "TRUE" && items[0].text != "FALSE" {
			return "CHECK_DEADLOCK takes TRUE or FALSE"
		}
		c.CheckDeadlock = items[0].text == "TRUE"
		return ""
	}
	*configWords[keyword](c) = items[0].text
	return ""
}

func (c *Config) constants(items []token, source string) string {
	starts := []int{}
	for i := 0; i+1 < len(items); i++ {
		if items[i].kind == tokenWord && (items[i+1].text == "=" || items[i+1].text == "<-") {
			starts = append(starts, i)
		}
	}
	if len(items) > 0 && (len(starts) == 0 || starts[0] != 0) {
		return fmt.Sprintf("constant %q has no value", items[0].text)
	}
	for n, i := range starts {
		end := len(items)
		if n+1 < len(starts) {
			end = starts[n+1]
		}
		if i+2 >= end {
			return fmt.Sprintf("constant %q has no value", items[i].text)
		}
		c.Constants = append(c.Constants, Constant{
			Name:     items[i].text,
			Value:    source[items[i+2].start:items[end-1].end],
			Replaced: items[i+1].text == "<-",
		})
	}
	return ""
}

// Checks reports whether the configuration checks an invariant or property of this name.
func (c *Config) Checks(name string) bool {
	return slices.Contains(c.Invariants, name) || slices.Contains(c.Properties, name)
}

// unsupported names the first keyword that the embedded checker lacks or misreads, or is empty.
func (c *Config) unsupported() string {
	for _, constant := range c.Constants {
		if constant.Replaced {
			return "constant " + constant.Name + " <- " + constant.Value
		}
	}
	switch {
	case len(c.Constraints) > 0:
		return "CONSTRAINT: invariants are not checked outside of it"
	case len(c.ActionConstraints) > 0:
		return "ACTION_CONSTRAINT is ignored"
	case len(c.Symmetry) > 0:
		return "SYMMETRY: states are counted differently"
	case c.View != "":
		return "VIEW"
	case c.Alias != "":
		return "ALIAS"
	case c.Postcondition != "":
		return "POSTCONDITION"
	case len(c.Invariants) == 0:
		return "no INVARIANT: it would choose definitions by their names and check those"
	}
	return ""
}

// safetyText writes the configuration without its properties, one name a line.
func (c *Config) safetyText() string {
	var b strings.Builder
	if c.Specification != "" {
		fmt.Fprintf(&b, "SPECIFICATION %s\n", c.Specification)
	} else {
		fmt.Fprintf(&b, "INIT %s\nNEXT %s\n", c.Init, c.Next)
	}
	if len(c.Constants) > 0 {
		b.WriteString("CONSTANTS\n")
	}
	for _, constant := range c.Constants {
		fmt.Fprintf(&b, "    %s = %s\n", constant.Name, constant.Value)
	}
	b.WriteString("INVARIANTS\n")
	for _, name := range c.Invariants {
		fmt.Fprintf(&b, "    %s\n", name)
	}
	if !c.CheckDeadlock {
		b.WriteString("CHECK_DEADLOCK FALSE\n")
	}
	return b.String()
}
