package shim

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Binding says how one import is satisfied.
type Binding struct {
	Imp   *wasm.Import
	Kind  Kind
	Fn    *image.Function // BindFunction, BindPointer, BindLegalised
	PLT   *image.PLTEntry // BindPLT
	Exp   *image.Export   // BindData, BindThreadLocal, BindGlobal, BindTag
	Value uint32          // BindConst
}

// Kind is how an import is satisfied.
type Kind byte

// The kinds of bindings.
const (
	BindFunction Kind = iota // by a function that is instantiated already
	BindPLT                  // by a call through the PLT
	BindPointer              // GOT.func: by a function pointer
	BindData                 // GOT.mem: by an address
	BindConst                // by a value that is known now
	BindMemoryBase
	BindTableBase
	BindMemory
	BindTable
	BindStackPointer
	BindGlobal      // by a global of another module
	BindThreadLocal // GOT.mem: by the address that thread-local data has in the group
	BindTag         // by a tag of another module
	// by a function that puts the halves of 64-bit arguments together, for one that is instantiated
	BindLegalised
)

// Source says where a module takes an import namespace from.
type Source struct {
	Shim int           // index in the module's shims, or -1
	Host *image.Module // all of it is one module's, of which there is one instance for all groups
}

// Shim is a generated module that gathers what one or more import namespaces of a module are to
// be, because the engine takes a whole namespace from one instance. Functions that it re-exports
// cost nothing at a call.
type Shim struct {
	Bindings  []Binding
	functions int                   // among the bindings
	modules   []*image.Module       // what it imports from, in the order of its namespaces
	numbers   map[*image.Module]int // positions in modules
}

// Use returns the namespace by which the shim imports from a module. It does not tell which one
// that is, so that the shim of a library that is loaded again is the same code.
func (s *Shim) Use(m *image.Module) string {
	if m.HostName != "" {
		return m.HostName
	}
	i, ok := s.numbers[m]
	if !ok {
		if s.numbers == nil {
			s.numbers = map[*image.Module]int{}
		}
		i = len(s.modules)
		s.modules, s.numbers[m] = append(s.modules, m), i
	}
	return usedPrefix + strconv.Itoa(i)
}

// Namespace is the reverse of Use; other namespaces are what they are.
func (s *Shim) Namespace(name string) string {
	if i, err := strconv.Atoi(strings.TrimPrefix(name, usedPrefix)); err == nil &&
		strings.HasPrefix(name, usedPrefix) {
		return ImportName(s.modules[i])
	}
	return name
}

// holds reports whether the shim is small enough to have more functions.
func (s *Shim) holds(functions int) bool {
	return s.functions == 0 || s.functions+functions <= partSize
}

// functions counts the functions among bindings.
func functions(list []Binding) (n int) {
	for _, x := range list {
		if x.Imp.Kind == wasm.KindFunc {
			n++
		}
	}
	return n
}

// Plan distributes bindings over few shims. A namespace goes into the first one behind all that
// have one of its names, and that is small enough. whole reports whether one instance of a module
// serves every group: what such a module alone satisfies, under the same names, needs no shim.
// parts are those of the module.
func Plan(bindings []Binding, parts Parts, whole func(*image.Module) bool) (shims []*Shim,
	sources map[string]Source) {
	spaces := map[string][]Binding{}
	for _, b := range bindings {
		namespace := parts.Namespace(b.Imp)
		spaces[namespace] = append(spaces[namespace], b)
	}
	sources = make(map[string]Source, len(spaces))
	next := map[string]int{} // by name, the shim behind the last one that has it
	for _, namespace := range slices.Sorted(maps.Keys(spaces)) {
		list := spaces[namespace]
		if host := onlyHost(list, whole); host != nil {
			sources[namespace] = Source{Shim: -1, Host: host}
			continue
		}
		i := 0
		for _, x := range list {
			i = max(i, next[x.Imp.Name])
		}
		n := functions(list)
		for i < len(shims) && !shims[i].holds(n) {
			i++
		}
		for _, x := range list {
			next[x.Imp.Name] = i + 1
		}
		if i == len(shims) {
			shims = append(shims, &Shim{})
		}
		shims[i].Bindings = append(shims[i].Bindings, list...)
		shims[i].functions += n
		sources[namespace] = Source{Shim: i}
	}
	return shims, sources
}

// onlyHost returns the module for all groups that satisfies all of a namespace under the same
// names, if there is one.
func onlyHost(list []Binding, whole func(*image.Module) bool) *image.Module {
	var host *image.Module
	for _, b := range list {
		if b.Kind != BindFunction || !whole(b.Fn.Mod) || b.Fn.Name != b.Imp.Name ||
			(host != nil && host != b.Fn.Mod) {
			return nil
		}
		host = b.Fn.Mod
	}
	return host
}
