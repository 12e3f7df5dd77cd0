package proof

import (
	"cmp"
	"io/fs"
	"slices"

	"github.com/lockstep-wasm/lockstep/tla"
)

// Names in the specification that a [System] is built from.
const (
	// SpecModule is the module with the lemmas, and SpecConfig the configuration that lists what is
	// to be proved: its invariants are the induction hypothesis, its properties are of the form
	// [][A]_v.
	SpecModule = "LinkerProof"
	SpecConfig = "MCproof.cfg"

	initDefinition = "Init"
	nextDefinition = "Next"
	assumptions    = "ConstantsFit"
	sequenceFacts  = "SequenceFacts"
)

// System is a specification that is ready to be translated. It does not change; its methods may be
// called from any goroutine.
type System struct {
	module     *Module
	signature  Signature
	off        []string
	invariants []string
	properties []string
	calls      []call
	open       *translation
}

// Load reads the specification of the linker, its lemmas, and what is to be proved of it, from the
// folder of [tla.Files]. The errors are [*tla.SpecError]s and [*TranslationError]s.
func Load(fsys fs.FS) (*System, error) {
	spec, err := tla.LoadSpecification(fsys, SpecModule)
	if err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(fsys, SpecConfig)
	if err != nil {
		return nil, &tla.SpecError{File: SpecConfig, Err: err}
	}
	config, err := tla.ParseConfig(SpecConfig, string(data))
	if err != nil {
		return nil, err
	}
	return NewSystem(spec, LinkerSync(), config.Invariants, config.Properties)
}

// NewSystem prepares a specification whose initial states are Init and whose steps are Next. The
// invariants and properties are names of definitions. The error is a [*TranslationError]:
// everything is translated once, so that what follows does not fail.
func NewSystem(spec *tla.Specification, signature Signature, invariants,
	properties []string) (*System, error) {
	module, err := Parse(spec)
	if err != nil {
		return nil, err
	}
	s := &System{module: module, signature: signature, invariants: invariants,
		properties: properties}
	return s, s.check()
}

// check reads the next-state relation and translates everything, in both worlds.
func (s *System) check() (err error) {
	defer catch(&err)
	declared := append(slices.Clone(s.module.Constants), s.module.Variables...)
	for _, name := range declared {
		if _, ok := s.signature[name]; !ok {
			panic(&TranslationError{File: s.module.Name + ".tla", What: name +
				" has no shape in the signature"})
		}
	}
	if len(declared) != len(s.signature) {
		panic(&TranslationError{File: s.module.Name + ".tla",
			What: "the signature has names that are not declared"})
	}
	for _, name := range slices.Concat(s.invariants, s.properties, []string{initDefinition}) {
		if _, err := s.module.Definition(name); err != nil {
			return err
		}
	}
	s.calls = s.module.calls(nextDefinition)
	s.open = s.translate(openWorld())
	s.translate(writtenWorld(1, 1))
	return nil
}

// WithOff returns the system with these guards switched off: elements of the constant Off.
func (s *System) WithOff(guards ...string) *System {
	changed := *s
	changed.off = slices.Clone(guards)
	changed.open = changed.translate(openWorld())
	return &changed
}

// Actions returns the names of the actions, in the order of the specification.
func (s *System) Actions() []string {
	var names []string
	for _, c := range s.calls {
		names = append(names, c.definition.Name)
	}
	return names
}

// Invariants returns the names of the induction hypothesis, in order.
func (s *System) Invariants() []string { return slices.Clone(s.invariants) }

// Properties returns the names of the properties of steps, in order.
func (s *System) Properties() []string { return slices.Clone(s.properties) }

// Obligation is one thing to prove: that an invariant holds initially, that an action keeps it, or
// that each step of an action has a property.
type Obligation struct {
	// Property is the name of the invariant or property.
	Property string
	// Action is the name of the action, or "Init" for the initial states.
	Action string
}

func (o Obligation) String() string { return o.Property + " by " + o.Action }

// Obligations returns all there is to prove, by property and then by action, in order.
func (s *System) Obligations() []Obligation {
	var all []Obligation
	for _, name := range s.invariants {
		all = append(all, Obligation{name, initDefinition})
	}
	for _, name := range slices.Concat(s.invariants, s.properties) {
		for _, c := range s.calls {
			all = append(all, Obligation{name, c.definition.Name})
		}
	}
	order := slices.Concat(s.invariants, s.properties)
	slices.SortStableFunc(all, func(a, b Obligation) int {
		return cmp.Compare(slices.Index(order, a.Property), slices.Index(order, b.Property))
	})
	return all
}

// translator makes one for a world, with the constants.
func (s *System) translator(w *world) *translator {
	t := &translator{world: w, module: s.module, constants: map[string]value{},
		strings: map[string]bool{}}
	for _, name := range s.module.Constants {
		t.constants[name] = w.assemble(s.signature[name],
			func(c component, args ...term) term { return apply(name+c.suffix, args...) })
	}
	t.constants["None"] = scalar{Group, none}
	t.constants["Groups"] = set{element: Scalar(Group),
		has: func(x value) term { return not(equal(x.(scalar).term, none)) }}
	off := set{element: Scalar(Text), has: func(x value) term { return isFalse }}
	if len(s.off) > 0 {
		off.has = func(x value) term {
			var any []term
			for _, guard := range s.off {
				any = append(any, equal(x.(scalar).term, quoted(guard)))
			}
			return or(any...)
		}
	}
	t.constants["Off"] = off
	return t
}

// state is the variables, under their names with a suffix.
func (s *System) state(w *world, suffix string) state {
	values := state{}
	for _, name := range s.module.Variables {
		values[name] = w.assemble(s.signature[name],
			func(c component, args ...term) term { return apply(name+suffix+c.suffix, args...) })
	}
	return values
}
