package linker

import (
	"context"
	"fmt"
	"slices"
)

// OpenOption changes how [Group.Open] and [Group.OpenBytes] load a library. The options are
// dlopen's flags. Of two that contradict each other the last one holds.
type OpenOption uint8

// The options of Open.
const (
	// Lazy lets a library import undefined functions: calling one is an [*UndefinedSymbolError],
	// unless it has been loaded by then. Calling one that has another signature is a
	// [*SymbolError], which tells both. It is the default, unless [Config.WithNow] says otherwise.
	Lazy OpenOption = iota + 1
	// Now makes Open fail if the library, or one that it needs, imports a function that is
	// undefined, or that has another signature. For a library that is loaded already, what is not
	// bound yet is looked up.
	Now
	// Global makes the symbols of the library, and of those that it needs, available to every
	// module that is loaded later, and to [Default]. It is the default. A library that is loaded as
	// Local becomes Global, and stays so until it is unloaded.
	Global
	// Local keeps the symbols of the library, and of those that are loaded because it needs them,
	// out of the global scope: they are found through its handle, and by each other, since a
	// library and all that it needs are one load group. What is Global already stays Global.
	Local
	// NoLoad gives a handle to a library that is loaded already, and is an error that wraps
	// [ErrNotLoaded] if it is not. Together with Global or NoDelete it changes a loaded library.
	NoLoad
	// NoDelete keeps the library loaded until the linker closes, however many handles are given up.
	NoDelete
)

// String returns the name of the option.
func (o OpenOption) String() string {
	names := []string{"", "Lazy", "Now", "Global", "Local", "NoLoad", "NoDelete"}
	if o == 0 || int(o) >= len(names) {
		return fmt.Sprintf("OpenOption(%d)", uint8(o))
	}
	return names[o]
}

// OptionError says that an option of Open is none of those that there are.
type OptionError struct{ Option OpenOption }

// Error implements the error interface.
func (e *OptionError) Error() string { return fmt.Sprintf("linker: unknown option %v", e.Option) }

// opening is what a call of Open asks for, or New.
type opening struct {
	now, local, noLoad, noDelete bool
	from                         *module  // whose run-time path counts; nil for a call from outside
	all                          []string // the libraries that OpenAll names; nil for one library
}

func (c *Config) opening(options []OpenOption) (opening, error) {
	o := opening{now: c.now}
	for _, option := range options {
		switch option {
		case Lazy, Now:
			o.now = option == Now
		case Global, Local:
			o.local = option == Local
		case NoLoad:
			o.noLoad = true
		case NoDelete:
			o.noDelete = true
		default:
			return o, &OptionError{Option: option}
		}
	}
	return o, nil
}

// loaded finds a library that is loaded already, by name or by the file that the name means.
func (t *tx) loaded(name string, at place) (*module, error) {
	s := t.l.state.scope
	if m := s.names.At(name); m != nil {
		return m, nil
	}
	if !at.searched {
		return nil, errStale
	}
	if at.info != nil {
		if m := s.files.find(at.location); m != nil {
			return m, nil
		}
	}
	return nil, ErrNotLoaded
}

// reopen does what the options ask for when the library was loaded before, or was just loaded: what
// is said of a library that is loaded is changed for the others, too.
func (t *tx) reopen(ctx context.Context, root *module, o opening) error {
	s := t.l.state.scope
	var more []*module
	if !o.local {
		more = s.promotion(root)
	}
	pin := o.noDelete && !slices.Contains(s.pinned, root)
	t.change(func(s *scope) {
		s.global = s.global.with(more)
		if pin {
			s.pinned = slices.Concat(s.pinned, []*module{root})
		}
	})
	if o.now { // what becomes global counts
		if err := t.l.state.scope.bound(root); err != nil {
			return err
		}
	}
	// there is nothing to commit, or something already
	if len(more) == 0 && !pin || len(t.steps) > 0 {
		return nil
	}
	return t.perform(ctx, scopeStep{})
}

// promotion returns the modules that become global with others.
func (s *scope) promotion(with ...*module) (more []*module) {
	global := set(s.global.all)
	for _, m := range with {
		for _, m := range m.closure() {
			if !global[m] {
				global[m] = true
				more = append(more, m)
			}
		}
	}
	return more
}

// bound returns an error if a loaded module, or one that it needs, imports an undefined function.
func (s *scope) bound(root *module) error {
	for _, m := range root.closure() {
		for _, k := range m.links {
			if k.target != nil {
				continue
			}
			var x *export
			if k.namespace == "env" {
				x = s.lookupFor(m, k.symbol)
			}
			var err error
			switch {
			case x == nil && k.mistaken != nil && k.namespace != "env":
				err = wrongSignature(m, k.symbol, k.mistaken, k.typ)
			case k.address || x == nil && !(m.weak[k.symbol] && isSymbolSpace(k.namespace)):
				err = &UndefinedSymbolError{Module: m.name, Symbol: k.symbol}
			case x != nil && x.kind == exportFunction && !x.fn.typ.Equal(k.typ):
				err = wrongSignature(m, k.symbol, x.fn, k.typ)
			}
			if err != nil {
				return &LoadError{File: m.file, Module: m.name, Err: err}
			}
		}
	}
	return nil
}
