package model

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/tla"
)

func linkerSync(t *testing.T) *tla.Specification {
	t.Helper()
	spec, err := tla.LoadSpecification(os.DirFS("../tla"), "LinkerSync")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// textOf is the text of all modules of a specification, one after the other.
func textOf(spec *tla.Specification) string {
	var b strings.Builder
	for _, m := range spec.Modules {
		b.WriteString(m.Source)
	}
	return b.String()
}

// section is the part of the text between two marks.
func section(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, from)
	part, _, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatalf("the specification has no part from %q to %q", from, to)
	}
	return part
}

func submatches(pattern, text string) []string {
	var all []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// Go's names are the specification's: actions, variables and invariants, in the same order.
func TestNamesAreTheSpecifications(t *testing.T) {
	spec := linkerSync(t)
	text := textOf(spec)

	var lines, actions []string
	step, err := spec.Actions("Step")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range step {
		lines = append(lines, l.Name)
	}
	for _, a := range protocol.Actions() {
		actions = append(actions, a.String())
		if _, ok := reflect.TypeFor[*protocol.State]().MethodByName(a.String()); !ok {
			t.Errorf("State has no method %s", a)
		}
	}
	compare(t, "actions", lines, actions)

	var fields []string
	for _, f := range reflect.VisibleFields(reflect.TypeFor[protocol.State]()) {
		if f.Name != "Config" {
			name := []rune(f.Name)
			name[0] = unicode.ToLower(name[0])
			fields = append(fields, string(name))
		}
	}
	variables := submatches(`(?m)^    (\w+),? +\\\*`,
		section(t, text, "\nVARIABLES\n", "\nvars =="))
	compare(t, "variables", variables, fields)
	listed := strings.Fields(strings.ReplaceAll(section(t, text, "\nvars == <<", ">>"), ",", " "))
	compare(t, "variables in vars", listed, fields)

	var invariants []string
	for _, inv := range protocol.Invariants() {
		invariants = append(invariants, inv.Name)
		if _, ok := reflect.TypeFor[*protocol.State]().MethodByName(inv.Name); !ok {
			t.Errorf("State has no method %s", inv.Name)
		}
	}
	compare(t, "invariants",
		submatches(`(?m)^(\w+) ==`, section(t, text, "(* Invariants.", "(* Properties of steps")),
		invariants)
}

func compare(t *testing.T, what string, specification, code []string) {
	t.Helper()
	if !slices.Equal(specification, code) {
		t.Errorf("%s:\nthe specification has %q\nGo has                %q", what, specification,
			code)
	}
}

// Every guard that the text can switch off can be switched off in Go, and nothing else; the same
// for features.
func TestSwitchesAreTheSpecifications(t *testing.T) {
	text := textOf(linkerSync(t))
	for _, c := range []struct {
		what, pattern string
		parse         func(string) (uint64, error)
	}{
		{"guard", `"(\w+)" \\(?:not)?in Off`,
			func(s string) (uint64, error) {
				g, err := protocol.ParseGuard(s)
				return uint64(g), err
			}},
		{"feature", `"(\w+)" \\in Features`,
			func(s string) (uint64, error) {
				f, err := protocol.ParseFeature(s)
				return uint64(f), err
			}},
	} {
		var all uint64
		for _, name := range submatches(c.pattern, text) {
			bit, err := c.parse(name)
			if err != nil {
				t.Error(err)
			}
			all |= bit
		}
		if next := all + 1; all == 0 || all&next != 0 {
			t.Errorf("Go has a %s that the specification lacks: %b", c.what, all)
		}
		if extra, err := c.parse("Nonsense"); err == nil {
			t.Errorf("%s Nonsense is %b", c.what, extra)
		}
	}
	if protocol.AllFeatures+1 != 1<<7 {
		t.Errorf("there are other features than seven: %b", protocol.AllFeatures)
	}
}

// Every model of the protocol checks every invariant and every property of steps.
func TestModelsCheckEverything(t *testing.T) {
	suite := specifications(t)
	text := textOf(linkerSync(t))
	invariants := submatches(`(?m)^(\w+) ==`,
		section(t, text, "(* Invariants.", "(* Properties of steps"))
	steps := submatches(`(?m)^(\w+) ==\s+\[\]\[`,
		section(t, text, "(* Properties of steps", "(* Liveness"))
	live := submatches(`(?m)^(\w+) ==(?: .*|\n    .*)~>`, text)
	if len(invariants) < 20 || len(steps) < 10 || len(live) < 5 {
		t.Fatalf("found only %d invariants, %d properties of steps, %d of liveness",
			len(invariants), len(steps), len(live))
	}
	for _, m := range suite.Models {
		config, err := os.ReadFile("../tla/" + m.Config)
		if err != nil {
			t.Fatal(err)
		}
		c, err := tla.ParseConfig(m.Config, string(config))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		switch {
		case !slices.Contains([]string{"LinkerSync", "MCLinkerSync", "LinkerProof",
			"LinkerProgress"}, m.Module):
			// what implements, or is implemented, and rooms with properties of their own
			continue
		case m.Kind == tla.KindModel || m.Kind == tla.KindSimulation:
			want = slices.Concat(invariants, steps)
		case m.Kind == tla.KindLiveness:
			// All sleepers run again where all want to; elsewhere, those that want to.
			want = live
			if c.Specification != "EagerSpec" {
				want = slices.DeleteFunc(slices.Clone(live),
					func(name string) bool { return name == "ParkedRuns" })
			}
		}
		for _, name := range want {
			if !c.Checks(name) {
				t.Errorf("%s does not check %s", m.Config, name)
			}
		}
	}
}
