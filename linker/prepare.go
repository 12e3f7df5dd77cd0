package linker

import (
	"context"
	"errors"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// preparation is what a load finds out and does before it has the lease: it looks for the library
// and for all that it needs, reads, decodes, rewrites and compiles them. It sees one published
// snapshot, and changes nothing; so no other group waits for it, and its caller leaves it behind
// when the context ends. Under the lease the same search is done again, on what is loaded by then,
// with the answers that were found here instead of the file system's. Where one is missing, because
// a library was closed meanwhile, the preparation is stale, and another one is made that takes
// nothing for loaded: it has all answers. See "Why is a library prepared before the lease?" in
// spec/rationale.md.
type preparation struct {
	l        *Linker
	g        *Group          // whose load it is; nil for the initial image
	snapshot *image.Snapshot // its modules count as loaded; it does not change
	all      bool            // take nothing for loaded

	root    place
	each    []place     // of what is only looked for, see opening.all
	given   *image.Sum  // of the root's bytes, if the caller gives them
	modules []*prepared // in the order in which they were found
	names   map[string]place
	files   image.LibraryFiles // new ones by their files, as in batch
	of      map[*image.Module]*prepared
}

// prepared is a module that was read, and perhaps compiled. It becomes part of the image at most
// once.
type prepared struct {
	module *image.Module
	bytes  []byte  // as it was read; nil when it has been rewritten
	needs  []place // what the names mean that the module needs, in the same order
	err    error   // why it could not be compiled
	taken  bool    // it has become part of an operation, which closes it if it fails
}

// place is where a name leads; under the lease it answers in place of the file system.
type place struct {
	searched bool // false for the name of something loaded: the file system was not asked
	image.Location
	lib *prepared // nil if the file is that of something loaded
	err error     // why there is no such library
}

// errStale means that the image has changed since a load was prepared, so that its preparation
// lacks something.
var errStale = errors.New("linker: what was prepared for a load is out of date")

func (l *Linker) newPreparation(g *Group, s *image.Snapshot, all bool) *preparation {
	return &preparation{l: l, g: g, snapshot: s, all: all, names: map[string]place{},
		of: map[*image.Module]*prepared{}}
}

// prepare prepares the load of a library. The errors are those of the context; whatever else is
// wrong is for the load itself to find, in what was loaded by then. The result has to be closed.
func (p *preparation) prepare(ctx context.Context, name string, bytes []byte, o opening) error {
	if o.noLoad && o.all != nil {
		for _, name := range o.all {
			p.each = append(p.each, p.find(ctx, name, nil, nil, o))
		}
		return ctx.Err()
	}
	p.given = p.l.sumOf(bytes)
	p.root = p.find(ctx, name, bytes, nil, o)
	p.gather(ctx)
	if err := ctx.Err(); err != nil {
		return err
	}
	return p.compile(ctx)
}

// gather looks for what the modules need, and for what that needs, up to the first error.
func (p *preparation) gather(ctx context.Context) {
	for i := 0; i < len(p.modules); i++ {
		m := p.modules[i]
		if m.module.Info == nil {
			continue // an ordinary executable names no libraries
		}
		for _, need := range m.module.Info.Needed {
			found := p.find(ctx, need, nil, m.module, opening{})
			m.needs = append(m.needs, found)
			if found.err != nil {
				return
			}
		}
	}
}

// find looks for what a name means. from is the module that needs it, nil for a call from outside.
func (p *preparation) find(ctx context.Context, name string, bytes []byte, from *image.Module,
	o opening) place {
	if m := p.snapshot.Names.At(name); m != nil && !p.all {
		return place{}
	}
	if known, ok := p.names[name]; ok {
		return known
	}
	if err := p.room(from); err != nil {
		return place{searched: p.all, err: err}
	}
	found := p.search(ctx, name, bytes, from, o)
	found.searched = true
	p.names[name] = found
	return found
}

// room reports whether one more module may be loaded, as far as is known now.
func (p *preparation) room(from *image.Module) error {
	n := len(p.modules)
	if p.all {
		n++ // the main module alone is sure to stay
	} else {
		n += len(p.snapshot.Search)
	}
	return p.l.room(n, from)
}

func (p *preparation) search(ctx context.Context, name string, bytes []byte, from *image.Module,
	o opening) (found place) {
	fail := func(file string, err error) place {
		return place{Location: found.Location, err: &LoadError{File: file, Module: name, Err: err}}
	}
	found.Location = image.Location{File: name}
	if bytes == nil {
		err := p.l.config.inject.At(ctx, p.g, failpoint.Read)
		if err != nil {
			return fail("", err)
		}
		by := from
		if by == nil {
			by = o.from
		}
		if found.Location, err = p.l.locate(ctx, name, by); err != nil {
			return place{err: err}
		}
		if m := p.snapshot.Files.Find(found.Location); m != nil && !p.all || o.noLoad {
			return found
		}
		if m := p.files.Find(found.Location); m != nil {
			found.lib = p.of[m]
			return found
		}
		if bytes, err = p.l.files.read(ctx, found.File); err != nil {
			return fail(found.File, err)
		}
	}
	err := p.l.config.inject.At(ctx, p.g, failpoint.Decode)
	if err == nil {
		err = p.l.files.fits(int64(len(bytes)))
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return fail(found.File, err)
	}
	sum := p.sum(bytes, from)
	m, bytes, err := p.l.decodeLibrary(name, found.File, bytes) // which may change them
	if err != nil {
		return fail(found.File, err)
	}
	if from != nil {
		m.Depth = from.Depth + 1
	}
	m.Stat, m.Content = found.Info, sum
	found.lib = p.add(m, bytes)
	return found
}

// sum returns the sum of a library's bytes, as they were read. Those that the caller gives, whose
// from is nil, are summed up already.
func (p *preparation) sum(bytes []byte, from *image.Module) image.Sum {
	if p.given != nil && from == nil {
		return *p.given
	}
	return p.l.sums.Of(bytes)
}

// add notes a module that was read.
func (p *preparation) add(m *image.Module, bytes []byte) *prepared {
	lib := &prepared{module: m, bytes: bytes}
	p.modules = append(p.modules, lib)
	p.of[m] = lib
	p.files = p.files.With(m)
	return lib
}

// compile compiles the modules, changed so that their instances can share one memory. The error is
// that of the context; what cannot be compiled is for the load to report, if it is needed by then.
func (p *preparation) compile(ctx context.Context) error {
	var begun []*codecache.Compilation
	waited := 0
	defer func() { // a panic in between
		for _, c := range begun[waited:] {
			if c != nil {
				p.l.shared.Cache.Abandon(ctx, c)
			}
		}
	}()
	for _, lib := range p.modules {
		var c *codecache.Compilation
		bytes, err := p.rewrite(ctx, lib.module, lib.bytes)
		if lib.bytes, lib.err = nil, err; err == nil {
			c = p.l.shared.Cache.Begin(ctx, bytes, codecache.Size(bytes,
				lib.module.Src.Cost().Locals),
				true)
		}
		begun = append(begun, c)
	}
	for i, c := range begun { // waiting gives up each when the context has ended
		waited++
		if c != nil {
			space.CodeOf(p.modules[i].module).Compiled, p.modules[i].err =
				p.l.shared.Cache.Wait(ctx, c)
		}
	}
	return ctx.Err()
}

// rewrite returns the bytes that are compiled in place of those of a module.
func (p *preparation) rewrite(ctx context.Context, m *image.Module, bytes []byte) ([]byte, error) {
	opt := wasm.RewriteOptions{EmptyData: true}
	if len(m.Src.Memories) > 0 {
		opt.ImportMemory = &wasm.MemoryImport{Module: shim.MemoryNamespace, Name: "memory",
			Type: shim.AnyMemory(m.Shared)}
	}
	if m != p.l.shared.Main {
		opt.MaxTable = p.l.config.maxOwnTables
	} else if p.l.stubs {
		opt.Stubs = &wasm.Stubs{Export: p.l.stubHooks.Name, Names: dlNames,
			Types: p.l.stubHooks.Types}
	}
	if parts := shim.PartsOf(m.Src.Imports); parts.Any() {
		opt.Namespace, space.CodeOf(m).Parts = parts.Namespace, parts
	}
	p.l.hookOptions(&opt)
	r, err := wasm.Rewrite(bytes, m.Src, opt)
	if err != nil {
		return nil, err
	}
	p.l.hook(m, r)
	if err := p.l.config.inject.At(ctx, p.g, failpoint.Compile); err != nil {
		return nil, err
	}
	return r.Bytes, ctx.Err()
}

// close gives up what did not become part of the image.
func (p *preparation) close(ctx context.Context) {
	for _, lib := range p.modules {
		if !lib.taken {
			space.CodeOf(lib.module).Close(ctx)
		}
	}
}

// isGiven returns an error if m is not the library that the caller has given.
func (p *preparation) isGiven(m *image.Module, name string) error {
	if p.given == nil || m.Content == *p.given {
		return nil
	}
	return &OtherBytesError{Name: name, File: m.File}
}
