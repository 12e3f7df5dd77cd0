package linker

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
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
	// library and all that it needs are one load group. A library that is Global stays so.
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
	// whose run-time path counts; nil for a call from outside
	from *image.Module
	// the libraries that OpenAll names; nil for one library
	all []string
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
func (op *linkOp) loaded(name string, at place) (*image.Module, error) {
	s := op.l.state.snapshot
	if m := s.Names.At(name); m != nil {
		return m, nil
	}
	if !at.searched {
		return nil, errStale
	}
	if at.Info != nil {
		if m := s.Files.Find(at.Location); m != nil {
			return m, nil
		}
	}
	return nil, ErrNotLoaded
}

// reopen does what the options ask for when the library was loaded before, or was just loaded: what
// is said of a library that is loaded is changed for the others, too.
func (op *linkOp) reopen(ctx context.Context, root *image.Module, o opening) error {
	s := op.l.state.snapshot
	var more []*image.Module
	if !o.local {
		more = s.Promotion(root)
	}
	pin := o.noDelete && !slices.Contains(s.Pinned, root)
	op.change(func(s *image.Snapshot) {
		s.Global = s.Global.With(more)
		if pin {
			s.Pinned = slices.Concat(s.Pinned, []*image.Module{root})
		}
	})
	if o.now { // what becomes global counts
		if err := bound(op.l.state.snapshot, root); err != nil {
			return err
		}
	}
	// there is nothing to commit, or something already
	if len(more) == 0 && !pin || len(op.steps) > 0 {
		return nil
	}
	return op.perform(ctx, space.SnapshotStep{})
}

// bound returns an error if a loaded module, or one that it needs, imports an undefined function.
func bound(s *image.Snapshot, root *image.Module) error {
	for _, m := range root.LoadGroup() {
		for _, k := range m.PLT {
			if k.Target != nil {
				continue
			}
			var x *image.Export
			if k.Namespace == "env" {
				x = s.LookupFor(m, k.Symbol)
			}
			var err error
			switch {
			case x == nil && k.Mistaken != nil && k.Namespace != "env":
				err = wrongSignature(m, k.Symbol, k.Mistaken, k.Type)
			case k.Address || x == nil && !(m.Weak[k.Symbol] && image.IsSymbolSpace(k.Namespace)):
				err = &UndefinedSymbolError{Module: m.Name, Symbol: k.Symbol}
			case x != nil && x.Kind == image.KindFunction && !x.Fn.Type.Equal(k.Type):
				err = wrongSignature(m, k.Symbol, x.Fn, k.Type)
			}
			if err != nil {
				return &LoadError{File: m.File, Module: m.Name, Err: err}
			}
		}
	}
	return nil
}
