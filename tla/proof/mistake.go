package proof

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/lockstep-wasm/lockstep/tla"
)

// Mistake is a change of the specification that an author could make. A proof that succeeds all the
// same shows nothing of the changed text.
type Mistake struct {
	// Name is "Off X" for a guard that is switched off, and that of a [tla.Guard] for one that is
	// missing.
	Name string

	system *System
}

// Mistakes returns the specification's own switches, in the order of their names, and then all
// guards of all actions, each of which is left out in turn. The errors are those of [Load].
func Mistakes(fsys fs.FS) ([]Mistake, error) {
	whole, err := Load(fsys)
	if err != nil {
		return nil, err
	}
	var all []Mistake
	for _, name := range whole.module.switches() {
		all = append(all, Mistake{"Off " + name, whole.WithOff(name)})
	}
	spec, err := tla.LoadSpecification(fsys, SpecModule)
	if err != nil {
		return nil, err
	}
	for _, action := range whole.Actions() {
		if action == terminated {
			continue // it changes nothing, so that its guards have nothing to keep from happening
		}
		base, err := spec.Definer(action)
		if err != nil {
			return nil, err
		}
		guards, err := base.Guards(action)
		if err != nil {
			return nil, err
		}
		for _, g := range guards {
			system, err := withoutGuard(spec, base, g, whole)
			if err != nil {
				return nil, err
			}
			all = append(all, Mistake{g.String(), system})
		}
	}
	return all, nil
}

// withoutGuard is a system without a guard of one of its modules.
func withoutGuard(spec *tla.Specification, base *tla.Module, g tla.Guard, whole *System) (*System,
	error) {
	changed, err := tla.ParseModule(base.Name+".tla", base.WithoutGuard(g))
	if err != nil {
		return nil, err
	}
	modules := slices.Clone(spec.Modules)
	modules[slices.Index(modules, base)] = changed
	system, err := NewSystem(
		&tla.Specification{Root: spec.Root, Modules: modules, Standard: spec.Standard},
		whole.signature, whole.invariants, whole.properties)
	if err != nil {
		return nil, fmt.Errorf("without %v: %w", g, err)
	}
	return system, nil
}

const terminated = "Terminated"

// Refute is [System.Refute] with the mistake.
func (m Mistake) Refute(ctx context.Context, z Solver, o Obligation, groups int) (*Counterexample,
	error) {
	return m.system.Refute(ctx, z, o, groups)
}

// MistakeResult says what a mistake breaks.
type MistakeResult struct {
	Mistake string `json:"mistake"`
	// Property and Action are the obligation that fails; both are empty if everything can still be
	// proved.
	Property string `json:"property,omitempty"`
	Action   string `json:"action,omitempty"`
	// Groups is how many groups the counterexample has.
	Groups int `json:"groups,omitempty"`
}

func (r MistakeResult) String() string {
	if r.Survives() {
		return r.Mistake + ": everything can still be proved"
	}
	return fmt.Sprintf("%s: breaks %s by %s, with %d groups", r.Mistake, r.Property, r.Action,
		r.Groups)
}

// Survives tells whether everything can be proved in spite of the mistake.
func (r MistakeResult) Survives() bool { return r.Property == "" }

// ErrUndecided means that z3 could neither prove an obligation nor refute it.
var ErrUndecided = errors.New("proof: undecided")

// Judge looks for an obligation that the mistake breaks: among those that are not the same as
// without it. If there is no small counterexample, each of them must still be provable; otherwise
// the error wraps [ErrUndecided]. Other errors wrap [ErrSolver] or are the context's.
func (m Mistake) Judge(ctx context.Context, z Solver, whole *System) (MistakeResult, error) {
	r := MistakeResult{Mistake: m.Name}
	changed := m.changed(whole)
	for groups := 2; groups <= counterexampleGroups; groups++ {
		tr := m.system.translate(writtenWorld(groups, room))
		for _, c := range changed {
			broken, err := tr.brokenBy(ctx, z, c)
			if err != nil {
				return r, err
			}
			if broken != "" {
				r.Property, r.Action, r.Groups = broken, c.action, groups
				return r, nil
			}
		}
	}
	for _, c := range changed {
		for _, name := range c.properties {
			o := Obligation{name, c.action}
			answer, _, err := z.Ask(ctx, m.system.Script(o))
			if err != nil {
				return r, err
			}
			if answer != Unsat {
				return r, fmt.Errorf("%w: %s: %v", ErrUndecided, m.Name, o)
			}
		}
	}
	return r, nil
}

// changes are an action, and the properties of which it is another question whether it breaks them.
type changes struct {
	action     string
	properties []string
}

// changed compares the obligations with those of the system without the mistake.
func (m Mistake) changed(whole *System) []changes {
	var all []changes
	for _, action := range m.system.Actions() {
		c := changes{action: action}
		for _, o := range m.system.Obligations() {
			if o.Action == action && m.system.Script(o) != whole.Script(o) {
				c.properties = append(c.properties, o.Property)
			}
		}
		if c.properties != nil {
			all = append(all, c)
		}
	}
	return all
}

// brokenBy returns a property that an action breaks, or the empty string: one question for all
// properties.
func (tr *translation) brokenBy(ctx context.Context, z Solver, c changes) (string, error) {
	script := tr.text(c.action+" breaks something",
		[][]string{tr.given, tr.hypothesis, tr.steps[c.action]})
	var names []term
	for _, property := range c.properties {
		name := term("broken." + property)
		script += fmt.Sprintf("(define-fun %s () Bool %s)\n", name, tr.broken[property])
		names = append(names, name)
	}
	script += fmt.Sprintf("(assert %s)\n(check-sat)\n", or(names...))
	model, err := tr.model(ctx, z, Obligation{"something", c.action}, script, names)
	if err != nil {
		return "", err
	}
	for i, name := range names {
		if model[name] == string(isTrue) {
			return c.properties[i], nil
		}
	}
	return "", nil
}
