package linker

import (
	"io/fs"
	"os"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
)

// libraryFiles are the libraries that come from files, by those. Values are immutable; with and
// without return changed ones.
type libraryFiles struct {
	paths names
	// Links are recognised in file systems of the operating system; in others a path is all there
	// is.
	identities persist.Map[fileIdentity, []*module]
}

// find returns the library that was loaded from a file, whatever the file was called, or nil.
func (f libraryFiles) find(at location) *module {
	if m := f.paths.At(at.file); m != nil {
		return m
	}
	id, ok := identityOf(at.info)
	if !ok {
		return nil
	}
	for _, m := range f.identities.At(id) {
		if os.SameFile(m.stat, at.info) {
			return m
		}
	}
	return nil
}

// with adds a library, unless it was given as bytes.
func (f libraryFiles) with(m *module) libraryFiles {
	if m.stat == nil {
		return f
	}
	f.paths = f.paths.With(m.file, m)
	if id, ok := identityOf(m.stat); ok {
		f.identities = f.identities.With(id, slices.Concat(f.identities.At(id), []*module{m}))
	}
	return f
}

// without takes a library away.
func (f libraryFiles) without(m *module) libraryFiles {
	if m.stat == nil {
		return f
	}
	if f.paths.At(m.file) == m {
		f.paths = f.paths.Without(m.file)
	}
	id, ok := identityOf(m.stat)
	if !ok {
		return f
	}
	left := slices.DeleteFunc(slices.Clone(f.identities.At(id)),
		func(other *module) bool { return other == m })
	if len(left) > 0 {
		f.identities = f.identities.With(id, left)
	} else {
		f.identities = f.identities.Without(id)
	}
	return f
}

// location is a library's file. What identifies a library is its file, not the name by which it was
// asked for: one file under two names is one library, two copies of a file are two. A library that
// was given as bytes has no file, so its name identifies it.
type location struct {
	file string
	info fs.FileInfo // nil for a library given as bytes
}
