package model

import (
	"errors"
	"fmt"
	"slices"
)

// Universe is everything a history can be about: the main module, the shared libraries that can be
// opened, and the choices (Rules) that the judged linker makes where the platform leaves one. It is
// plain data, so that it can stand in the header of a recorded history; the expected outcome of
// every operation is computed from it.
//
// Names of libraries are unique, and Main's name is not among Libraries. A Needed name that no
// library has is allowed: opening such a library is expected to fail.
type Universe struct {
	// Main is the module that is there from the start. It cannot be closed.
	Main Library `json:"main"`
	// Libraries can be opened by name.
	Libraries []Library `json:"libraries,omitempty"`
	// FirstGroup is the id of the instance group that exists from the start.
	FirstGroup int `json:"first_group,omitempty"`
	// Rules are the choices of the linker that is judged.
	Rules Rules `json:"rules"`
}

// Rules are the choices that a linker may make one way or the other. The zero value is what ld.so
// does where ld.so has an opinion.
type Rules struct {
	// NeededFirst puts a library behind the libraries it needs in the search order (depth first).
	// Otherwise the order is breadth first from the library that was opened, as ld.so has it.
	NeededFirst bool `json:"needed_first,omitempty"`
	// LibraryScope makes a look-up through a handle search that one library. Otherwise it searches
	// the library and everything it needs, breadth first.
	LibraryScope bool `json:"library_scope,omitempty"`
	// LateBinding looks again, at each call, for a function import that was undefined at load time,
	// and when the library is opened again with Input.Now.
	LateBinding bool `json:"late_binding,omitempty"`
	// PinProviders keeps a library loaded while a loaded library has an import bound to it, needed
	// or not. Without it, what a call through an import of an unloaded library does is unspecified,
	// and accepted.
	PinProviders bool `json:"pin_providers,omitempty"`
	// TrapKillsGroup ends a group in which guest code trapped.
	TrapKillsGroup bool `json:"trap_kills_group,omitempty"`
	// EarlySignatures refuses to load a library that imports a function of another signature, even
	// where LateBinding lets such an import fail when it is called.
	EarlySignatures bool `json:"early_signatures,omitempty"`
	// HandlePerOpen gives every opening a handle of its own, which is closed once. Without it a
	// library has one handle for as long as it is open, and that is closed as often as it was
	// opened.
	HandlePerOpen bool `json:"handle_per_open,omitempty"`
	// Unnumbered says that operations need not report commit numbers. Those reported are still
	// judged.
	Unnumbered bool `json:"unnumbered,omitempty"`
	// Tolerate lists failures that any operation may end with at any time. Such an operation has
	// had no effect (after ClassPoisoned, every later operation must end with it too).
	Tolerate []ErrorClass `json:"tolerate,omitempty"`
}

// Library describes one shared library, or the main module.
type Library struct {
	Name string `json:"name"`
	// Needed are the names of the libraries that are loaded with this one. Cycles are allowed.
	Needed []string `json:"needed,omitempty"`
	// Functions and Data are what the library exports. A name stands for one of them only.
	Functions []Function `json:"functions,omitempty"`
	Data      []Data     `json:"data,omitempty"`
	// Imports are what the library takes from others, or from itself.
	Imports []Import `json:"imports,omitempty"`
	// Bad marks a file that is not a usable library: opening it fails with ClassBadModule.
	Bad bool `json:"bad,omitempty"`
}

// Function is an exported function.
type Function struct {
	Name string `json:"name"`
	// AliasOf names the function of the same library that this is another name for: same pointer,
	// same behaviour. The other fields are then ignored.
	AliasOf string `json:"alias_of,omitempty"`
	// Params is the number of i32 parameters. Every function returns one i32.
	Params int `json:"params,omitempty"`
	// Behaviour is what a call does.
	Behaviour Behaviour `json:"behaviour"`
}

// Data is an exported data symbol.
type Data struct {
	Name string `json:"name"`
	// AliasOf names the data symbol of the same library that has the same address.
	AliasOf string `json:"alias_of,omitempty"`
	// Size is in bytes. Two live data symbols never share a byte.
	Size uint32 `json:"size,omitempty"`
}

// Import is an undefined symbol of a library.
type Import struct {
	Name string `json:"name"`
	// Kind is what the library takes it for.
	Kind SymbolKind `json:"kind"`
	// Weak imports may stay without a definition: a null pointer, or address 0.
	Weak bool `json:"weak,omitempty"`
	// Params is the number of parameters of an imported function; a definition with another number
	// makes loading fail with ClassSignature.
	Params int `json:"params,omitempty"`
}

// Behaviour is a pure description of what a function does with its arguments. All arithmetic is on
// i32 and wraps.
type Behaviour struct {
	Kind BehaviourKind `json:"kind"`
	// Mul and Add are the numbers of BehaviourAffine: Mul × (sum of the arguments) + Add.
	// BehaviourCallImport uses Add alone.
	Mul int32 `json:"mul,omitempty"`
	Add int32 `json:"add,omitempty"`
	// Import is the imported function that BehaviourCallImport and BehaviourHasImport are about.
	Import string `json:"import,omitempty"`
}

// BehaviourKind says which kind of function a Behaviour describes.
type BehaviourKind uint8

const (
	// BehaviourAffine returns Mul × (sum of the arguments) + Add.
	BehaviourAffine BehaviourKind = iota
	// BehaviourTrap executes unreachable.
	BehaviourTrap
	// BehaviourCallImport returns what the imported function returns for the same arguments, plus
	// Add. It makes visible which definition an import was bound to.
	BehaviourCallImport
	// BehaviourHasImport returns 1 if the import has a definition, and 0 if not.
	BehaviourHasImport
)

var behaviourNames = []string{"affine", "trap", "call-import", "has-import"}

// String returns the name that stands in files.
func (k BehaviourKind) String() string { return enumName(behaviourNames, int(k)) }

// MarshalText writes the name.
func (k BehaviourKind) MarshalText() ([]byte, error) { return enumText(behaviourNames, int(k)) }

// UnmarshalText reads the name; any other text is an error.
func (k *BehaviourKind) UnmarshalText(text []byte) error {
	n, err := enumParse("behaviour", behaviourNames, text)
	*k = BehaviourKind(n)
	return err
}

// SymbolKind tells functions from data.
type SymbolKind uint8

const (
	// KindNone is the kind of a symbol that was not found.
	KindNone SymbolKind = iota
	// KindFunction symbols have an index into the function table.
	KindFunction
	// KindData symbols have an address in the memory.
	KindData
)

var kindNames = []string{"none", "function", "data"}

// String returns the name that stands in files.
func (k SymbolKind) String() string { return enumName(kindNames, int(k)) }

// MarshalText writes the name.
func (k SymbolKind) MarshalText() ([]byte, error) { return enumText(kindNames, int(k)) }

// UnmarshalText reads the name; any other text is an error.
func (k *SymbolKind) UnmarshalText(text []byte) error {
	n, err := enumParse("symbol kind", kindNames, text)
	*k = SymbolKind(n)
	return err
}

// A UniverseError says what is wrong with a Universe.
type UniverseError struct {
	// Library and Symbol say where; Symbol may be empty.
	Library, Symbol string
	// Problem says what.
	Problem string
}

// Error names the library, the symbol and the problem.
func (e *UniverseError) Error() string {
	if e.Symbol == "" {
		return fmt.Sprintf("model: universe: library %q: %s", e.Library, e.Problem)
	}
	return fmt.Sprintf("model: universe: library %q: symbol %q: %s", e.Library, e.Symbol, e.Problem)
}

// Validate reports the first thing that is wrong with u as a *UniverseError, or nil.
func (u *Universe) Validate() error {
	seen := make(map[string]bool)
	for _, lib := range u.all() {
		if lib.Name == "" {
			return &UniverseError{Problem: "a library has no name"}
		}
		if seen[lib.Name] {
			return &UniverseError{Library: lib.Name, Problem: "the name is taken twice"}
		}
		seen[lib.Name] = true
		if err := lib.validate(); err != nil {
			return err
		}
	}
	if u.Main.Bad || len(u.Main.Needed) > 0 {
		return &UniverseError{Library: u.Main.Name,
			Problem: "the main module can neither be bad nor need libraries"}
	}
	return nil
}

// all lists the main module and the libraries; the position is the library's number.
func (u *Universe) all() []Library {
	return append([]Library{u.Main}, u.Libraries...)
}

func (l *Library) validate() error {
	wrong := func(symbol, problem string) error {
		return &UniverseError{Library: l.Name, Symbol: symbol, Problem: problem}
	}
	exports := make(map[string]bool)
	for _, name := range slices.Concat(functionNames(l.Functions), dataNames(l.Data)) {
		if name == "" {
			return wrong("", "an export has no name")
		}
		if exports[name] {
			return wrong(name, "exported twice")
		}
		exports[name] = true
	}
	imports := make(map[string]SymbolKind)
	for _, imp := range l.Imports {
		if imp.Kind != KindFunction && imp.Kind != KindData {
			return wrong(imp.Name, "an import is a function or data")
		}
		if imports[imp.Name] != KindNone {
			return wrong(imp.Name, "imported twice")
		}
		imports[imp.Name] = imp.Kind
	}
	for _, f := range l.Functions {
		if f.AliasOf != "" {
			i := slices.IndexFunc(l.Functions, func(g Function) bool { return g.Name == f.AliasOf })
			if i < 0 || l.Functions[i].AliasOf != "" {
				return wrong(f.Name, "an alias must be of a function that is none")
			}
			continue
		}
		if f.Params < 0 || f.Params > maxParams {
			return wrong(f.Name, fmt.Sprintf("has %d parameters, not 0 to %d", f.Params, maxParams))
		}
		switch f.Behaviour.Kind {
		case BehaviourCallImport:
			i := slices.IndexFunc(l.Imports,
				func(i Import) bool { return i.Name == f.Behaviour.Import })
			if i < 0 || l.Imports[i].Kind != KindFunction || l.Imports[i].Params != f.Params {
				return wrong(f.Name,
					"calls something that is not an imported function with as many parameters")
			}
		case BehaviourHasImport:
			if imports[f.Behaviour.Import] == KindNone {
				return wrong(f.Name, "asks for something that is not imported")
			}
		}
	}
	for _, d := range l.Data {
		if d.AliasOf == "" {
			continue
		}
		i := slices.IndexFunc(l.Data, func(e Data) bool { return e.Name == d.AliasOf })
		if i < 0 || l.Data[i].AliasOf != "" {
			return wrong(d.Name, "an alias must be of a data symbol that is none")
		}
	}
	return nil
}

// maxParams keeps hostile files from asking for absurd signatures; wazero's own limit is 1000.
const maxParams = 1000

func functionNames(fs []Function) []string {
	names := make([]string, len(fs))
	for i, f := range fs {
		names[i] = f.Name
	}
	return names
}

func dataNames(ds []Data) []string {
	names := make([]string, len(ds))
	for i, d := range ds {
		names[i] = d.Name
	}
	return names
}

func enumName(names []string, n int) string {
	if n < len(names) {
		return names[n]
	}
	return fmt.Sprintf("unknown(%d)", n)
}

func enumText(names []string, n int) ([]byte, error) {
	if n >= len(names) {
		return nil, fmt.Errorf("%w: value %d", ErrUnknownName, n)
	}
	return []byte(names[n]), nil
}

func enumParse(what string, names []string, text []byte) (int, error) {
	n := slices.Index(names, string(text))
	if n < 0 {
		return 0, fmt.Errorf("%w: %s %q", ErrUnknownName, what, text)
	}
	return n, nil
}

// ErrUnknownName means that a text is not the name of an operation, an option or a class of errors,
// or that a value has no name.
var ErrUnknownName = errors.New("model: unknown name")
