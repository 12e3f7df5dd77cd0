package drive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync/atomic"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/model"
)

// Subject is a linker that programs run on.
type Subject struct {
	Linker   *linker.Linker
	universe model.Universe
	// catalogue is what clients can look for in it.
	catalogue catalogue
	missing   string // a name that no library has
	handles   atomic.Uint64
}

// New links the world's main module. The configuration's file system and search path are replaced
// by the world's.
func New(ctx context.Context, rt wazero.Runtime, w World, config *linker.Config) (*Subject, error) {
	main, err := fs.ReadFile(w.Files, w.Main)
	if err != nil {
		return nil, fmt.Errorf("drive: main module: %w", err)
	}
	for _, lib := range w.Universe.Libraries {
		if _, err := fs.Stat(w.Files, path.Join(w.Path, lib.Name)); err != nil {
			return nil, fmt.Errorf("drive: library of the universe: %w", err)
		}
	}
	l, err := linker.New(ctx, rt, main, config.WithFS(w.Files).WithSearchPath(w.Path))
	if err != nil {
		return nil, fmt.Errorf("drive: %w", err)
	}
	return &Subject{Linker: l, universe: w.Universe, catalogue: newCatalogue(&w.Universe),
		missing: "libabsent.wasm"}, nil
}

// newHandle returns a number for a handle that the linker has just returned.
func (s *Subject) newHandle() model.Handle { return model.Handle(s.handles.Add(1)) }

// bad tells whether no linker can load the library.
func (s *Subject) bad(name string) bool {
	return slices.ContainsFunc(s.universe.Libraries, func(lib model.Library) bool {
		return lib.Name == name && lib.Bad
	})
}

// openError classifies why a library could not be opened.
func (s *Subject) openError(name string, err error) model.ErrorClass {
	var notFound *linker.NotFoundError
	var undefined *linker.UndefinedSymbolError
	var symbol *linker.SymbolError
	switch {
	case errors.Is(err, linker.ErrNotLoaded):
		return model.ClassNotLoaded
	case errors.As(err, &notFound) && notFound.Name == name:
		return model.ClassMissingFile
	case errors.As(err, &notFound):
		return model.ClassMissingNeeded
	case errors.As(err, &undefined):
		return model.ClassMissingSymbol
	case errors.As(err, &symbol):
		return model.ClassSignature
	}
	class := commonError(err)
	if class == model.ClassNoSpace && s.bad(name) { // one that is there to be too large
		class = ""
	}
	if class != "" {
		return class
	}
	return model.ClassBadModule // not a library, too large, or it traps while loading
}

// lookupError classifies why a symbol could not be found.
func lookupError(err error) model.ErrorClass {
	var undefined *linker.UndefinedSymbolError
	switch {
	case errors.As(err, &undefined):
		return model.ClassMissingSymbol
	case errors.Is(err, linker.ErrLibraryClosed):
		return model.ClassBadHandle
	}
	return orUnexpected(err)
}

// callError classifies why a call of a function failed: an error before the call, or a trap in it.
func callError(name string, err error) model.Output {
	var undefined *linker.UndefinedSymbolError
	if errors.As(err, &undefined) && undefined.Symbol != name {
		return model.Output{Trap: model.TrapMissing}
	}
	var mistaken *linker.SymbolError
	if errors.As(err, &mistaken) && mistaken.Symbol != name {
		return model.Output{Trap: model.TrapSignature}
	}
	return model.Output{Err: lookupError(err)}
}

// pointerError classifies why a call through a pointer failed: most of all, because it is null.
func pointerError(err error) model.Output {
	var pointer *linker.PointerError
	if errors.As(err, &pointer) {
		return model.Output{Trap: model.TrapBadPointer}
	}
	return callError("", err)
}

// closureError classifies why a closure could not be set or freed; "" if it could.
func closureError(err error) model.ErrorClass {
	var closure *linker.ClosureError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &closure):
		return model.ClassBadSlot
	}
	return lookupError(err)
}

// commonError classifies what can go wrong with any operation; "" is none of it.
func commonError(err error) model.ErrorClass {
	var limit *linker.LimitError
	switch {
	case errors.Is(err, linker.ErrPoisoned):
		return model.ClassPoisoned
	case errors.Is(err, linker.ErrGroupClosed):
		return model.ClassGroupClosed
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return model.ClassCancelled
	case errors.As(err, &limit), errors.Is(err, linker.ErrNoMemory):
		return model.ClassNoSpace
	case errors.Is(err, ErrFault):
		return ClassFault
	}
	return ""
}

// orUnexpected is commonError for operations that cannot fail in any other way: the text of
// anything else becomes its class, which no model expects, so that it is a violation that shows it.
func orUnexpected(err error) model.ErrorClass {
	if class := commonError(err); class != "" {
		return class
	}
	return model.ErrorClass("unexpected: " + err.Error())
}
