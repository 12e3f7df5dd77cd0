package linker

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/sys"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Open loads a library, and all that it needs, in every group, or finds it loaded. name is a path
// in the configured file system when it has a slash; otherwise it is looked for on the search path.
// Each successful Open has to be answered by a CloseLibrary for the library to be unloaded. What
// identifies a library is its file: under another name, or through a link, it is found loaded. The
// options are those of dlopen; without any, a library is [Lazy] and [Global].
//
// Errors are a *LoadError that wraps the reason. The image is then as it was. A guest that exits in
// a constructor ends its group, as in a call, and the error wraps the *sys.ExitError; no other
// group has seen the libraries that it was about to load. Within an operation that the caller's own
// constructor is part of, only what this call did is taken back.
//
// A constructor may start threads, and wait for them, or for others that use the linker. The
// library becomes visible then before its constructor has returned, as it does with dlopen: others
// find it, and may open it. If the constructor fails afterwards, the library is unloaded without
// destructors, unless another call has opened it meanwhile.
func (g *Group) Open(ctx context.Context, name string, options ...OpenOption) (*Library, error) {
	return g.openLibrary(ctx, name, nil, nil, options)
}

// OpenBytes is Open for a library that the caller has in memory. name is what other libraries need
// it as. When a library of that name with the same bytes is loaded already, that is the result;
// with others it is an *OtherBytesError. The same bytes under two names are two libraries. The
// bytes must not be changed afterwards.
func (g *Group) OpenBytes(ctx context.Context, name string, wasm []byte,
	options ...OpenOption) (*Library, error) {
	if wasm == nil {
		wasm = []byte{}
	}
	return g.openLibrary(ctx, name, wasm, nil, options)
}

// judgeLoad ends a group whose guest exited in a constructor. What exits in a replay is another
// group's instance, and that has been taken back: the load failed there.
func (g *Group) judgeLoad(act *activation, name string, err error) error {
	exit, replay := (*sys.ExitError)(nil), (*coord.ReplayError)(nil)
	switch {
	case errors.As(err, &replay):
		return &LoadError{Module: name, Err: err}
	case act.op == nil && errors.As(err, &exit):
		g.l.end(g, err)
	}
	return err
}

// openLibrary is Open and OpenBytes; from is the module by whose run-time path the library is
// looked for, nil for none.
func (g *Group) openLibrary(ctx context.Context, name string, bytes []byte, from *image.Module,
	options []OpenOption) (*Library, error) {
	o, err := g.l.config.opening(options)
	o.from = from
	if err != nil {
		return nil, asLoadError(err, name)
	}
	libs, err := g.openLibraries(ctx, loading{name: name, bytes: bytes, opening: o})
	if err != nil {
		return nil, err
	}
	return libs[0], nil
}

// openLibraries makes a load, and returns the handles of what was asked for.
func (g *Group) openLibraries(ctx context.Context, load loading) (libs []*Library, err error) {
	name := load.name
	if load.all != nil {
		name = strings.Join(load.all, ", ")
	}
	defer func() { load.close(ctx) }()
	// no operation has to wait for the group meanwhile, nor the group for one
	if activationOf(ctx) == nil {
		if err := g.alive(); err != nil {
			return nil, asLoadError(err, name)
		}
		if err := load.prepare(ctx, g, g.l.committed.Load()); err != nil {
			return nil, asLoadError(err, name)
		}
	}
	err = g.inside(ctx, func(ctx context.Context, act *activation) error {
		opened, err := load.run(ctx, act)
		if err == nil {
			libs = opened
		}
		return g.judgeLoad(act, name, err)
	})
	if err != nil {
		g.logOpened(ctx, name, nil, err)
		return nil, asLoadError(err, name)
	}
	for i, lib := range libs {
		if load.all != nil {
			name = load.all[i]
		}
		g.logOpened(ctx, name, lib, nil)
	}
	return libs, nil
}

// loading is one call of Open, OpenBytes or OpenAll.
type loading struct {
	name  string
	bytes []byte
	opening
	prepared *preparation // nil when there is none that could be of use
	stale    bool         // one was of no use
}

// prepare does what can be done before the load has the lease. Its errors are those of the context.
func (x *loading) prepare(ctx context.Context, g *Group, s *image.Snapshot) error {
	x.prepared = g.l.newPreparation(g, s, x.stale)
	return x.prepared.prepare(ctx, x.name, x.bytes, x.opening)
}

func (x *loading) close(ctx context.Context) {
	if x.prepared != nil {
		x.prepared.close(ctx)
	}
	x.prepared = nil
}

// run makes the load an operation, or a part of one. The group is parked while there is anything to
// be prepared.
func (x *loading) run(ctx context.Context, act *activation) ([]*Library, error) {
	var libs []*Library
	for {
		if err := x.ready(ctx, act); err != nil {
			return nil, err
		}
		err := act.run(ctx, protocol.LoadModules, func(ctx context.Context, op *linkOp) error {
			roots, err := op.library(ctx, x.prepared, x.name, x.opening)
			for _, m := range roots {
				libs = append(libs, &Library{linker: op.l, mod: m})
			}
			op.handed = append(op.handed, libs...)
			return err
		})
		if !errors.Is(err, errStale) || x.stale {
			return libs, err
		}
		x.stale = true
		x.close(ctx)
	}
}

// ready prepares the load unless that was done.
func (x *loading) ready(ctx context.Context, act *activation) (err error) {
	if x.prepared != nil {
		return nil
	}
	g, s := act.group, act.snapshot()
	// nothing to wait for, or no leader could serve the group
	if s.Names.At(x.name) != nil && !x.stale || !act.parks() {
		return x.prepare(ctx, g, s)
	}
	failed := g.Block(ctx, func() { err = x.prepare(ctx, g, s) })
	return errors.Join(err, failed)
}

// Symbol finds a symbol by name; lib is [Default], the library to look in, with what that needs, or
// [Next]. The first definition wins. A function gets a function pointer, the same in every group
// and for ever; the first time that may be a link operation, afterwards no lock is taken.
// Thread-local data has another address in every group; the symbol's is that of this group.
//
// The error is an *UndefinedSymbolError when there is no such symbol, and a *SymbolError for an
// export that is neither function nor data.
func (g *Group) Symbol(ctx context.Context, lib *Library, name string) (Symbol, error) {
	if g.l.closed.Load() {
		return Symbol{}, ErrClosed
	}
	if activationOf(ctx).leads() { // what the operation has changed is not yet committed
		return g.resolve(ctx, lib, name)
	}
	s := g.l.committed.Load()
	if x := g.l.committedSymbol(s, lib, name); x != nil {
		if sym, ok := symbol(x, name, s.CommittedPointer); ok {
			err := g.alive()
			if err == nil {
				err = g.l.Err()
			}
			if err != nil {
				return Symbol{}, err
			}
			receive(ctx, 0, s.Commit)
			return sym, nil
		}
	}
	return g.resolve(ctx, lib, name)
}

// committedSymbol looks an export up in a committed snapshot; nil if it cannot be found.
func (l *Linker) committedSymbol(s *image.Snapshot, lib *Library, name string) *image.Export {
	var x *image.Export
	switch {
	case lib == nil || lib == Default:
		x = s.Lookup(name)
	case lib.linker == l:
		x = lib.committedIn(s, name)
	}
	if x != nil {
		return x
	}
	x, err := find(s, l, lib, name)
	if err != nil {
		return nil
	}
	lib.sees(s)
	return x
}

// find looks an export up in a snapshot.
func find(s *image.Snapshot, l *Linker, lib *Library, name string) (*image.Export, error) {
	var x *image.Export
	switch {
	case lib == nil || lib.mod == nil:
		if lib != nil && lib.next != nil {
			x = s.LookupNext(l.shared.Main, name)
		} else {
			x = s.Lookup(name)
		}
	case lib.linker != l:
		return nil, ErrForeignLibrary
	case lib.scope: // the library asks itself, perhaps in a destructor
		x = s.LookupFrom(lib.mod, name)
	case lib.closedIn(s) || !s.Has(lib.mod) &&
		(lib.next == nil || !slices.Contains(s.Search, lib.mod)):
		return nil, ErrLibraryClosed
	case lib.next != nil: // of a library whose destructors run, perhaps
		x = s.LookupNext(lib.mod, name)
	default:
		x = s.LookupIn(lib.mod, name)
	}
	if x == nil && (lib == nil || lib.mod == nil || lib.next != nil || lib.scope) {
		x = l.host.Exports[shim.ProvidedPrefix+name] // what modules can import is found, too
	}
	if x == nil {
		return nil, lib.undefined(l, name)
	}
	return x, nil
}

// find finds an export as the activation sees it, and returns the snapshot that it looked in.
func (act *activation) find(lib *Library, name string) (*image.Export, *image.Snapshot, error) {
	s := act.snapshot()
	if act.op != nil && lib.givenUp() {
		return nil, s, ErrLibraryClosed
	}
	x, err := find(s, act.group.l, lib, name)
	return x, s, err
}

// undefined is the error of a look-up through a handle.
func (l *Library) undefined(image *Linker, name string) error {
	e := &UndefinedSymbolError{Symbol: name}
	if l != nil {
		e.Next = l.next != nil
		switch {
		case l.mod != nil:
			e.Searched, e.hidden = l.mod.Name, l.mod.ExportsNothing()
		case e.Next:
			e.Searched = image.shared.Main.Name
		}
	}
	return e
}

// symbol returns what is known of an export without any more work.
func symbol(x *image.Export, name string,
	pointer func(fn *image.Function) (uint32, bool)) (Symbol, bool) {
	switch x.Kind {
	case image.KindData:
		return Symbol{Kind: Data, Name: name, Module: x.Mod.Name, Pointer: x.Addr}, !x.TLS
	case image.KindFunction:
		if p, ok := pointer(x.Fn); ok {
			return Symbol{Kind: Function, Name: name, Module: x.Mod.Name, Pointer: p,
				Type: (*FunctionType)(x.Fn.Signature)}, true
		}
	}
	return Symbol{}, false
}

// resolve is the slow way of Symbol: a link operation, which begins with a second look, because
// another group may have resolved the symbol while this caller waited.
func (g *Group) resolve(ctx context.Context, lib *Library, name string) (Symbol, error) {
	var sym Symbol
	err := g.inside(ctx, func(ctx context.Context, act *activation) error {
		x, s, err := act.find(lib, name)
		if err == nil {
			err = isSymbol(x, name)
		}
		if err != nil {
			receive(ctx, 0, s.Commit)
			return err
		}
		// known to this group alone, and no pointer has to be made
		if x.Kind == image.KindData && x.TLS {
			sym = Symbol{Kind: Data, Name: name, Module: x.Mod.Name}
			receive(ctx, 0, s.Commit)
			sym.Pointer, err = g.space.ThreadLocal(x)
			return err
		}
		return act.run(ctx, protocol.ResolveFunction, func(ctx context.Context, op *linkOp) error {
			sym, err = op.resolve(ctx, lib, name)
			return err
		})
	})
	g.logLookup(ctx, name, sym, err)
	if err != nil { // what was found may have been taken back
		return Symbol{}, err
	}
	return sym, nil
}

// isSymbol returns an error for exports that have no pointer.
func isSymbol(x *image.Export, name string) error {
	if x.Kind == image.KindFunction || x.Kind == image.KindData {
		return nil
	}
	found := "another export"
	switch {
	case x.Kind == image.KindGlobal:
		found = "global " + x.Global.String()
	case x.Kind == image.KindTag:
		found = "tag " + x.Tag.String()
	}
	return &SymbolError{Symbol: name, Definer: x.Mod.Name, Want: "a function or data", Found: found}
}

// resolve gives a symbol its pointer within an operation.
func (op *linkOp) resolve(ctx context.Context, lib *Library, name string) (Symbol, error) {
	x, err := find(op.l.state.snapshot, op.l, lib, name)
	if err != nil {
		return Symbol{}, err
	}
	if err := isSymbol(x, name); err != nil {
		return Symbol{}, err
	}
	if x.Kind == image.KindFunction {
		s := &space.FillStep{}
		if _, err := op.slot(x.Fn, &s.Fills); err != nil { // the second look is in there
			return Symbol{}, err
		}
		s.Slots = op.l.state.slots.Length
		if len(s.Fills) > 0 {
			if err := op.perform(ctx, s); err != nil {
				return Symbol{}, err
			}
		}
	}
	sym, _ := symbol(x, name, op.l.state.snapshot.Pointer)
	return sym, nil
}

// function finds a function to call; it needs no pointer.
func (act *activation) function(lib *Library, name string) (*image.Function, error) {
	x, _, err := act.find(lib, name)
	if err != nil {
		return nil, err
	}
	if x.Kind != image.KindFunction {
		if err := isSymbol(x, name); err != nil {
			return nil, err
		}
		return nil, &SymbolError{Symbol: name, Definer: x.Mod.Name, Want: "a function",
			Found: "data"}
	}
	return x.Fn, nil
}
