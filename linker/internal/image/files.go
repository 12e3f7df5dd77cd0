package image

import (
	"io/fs"
	"os"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
)

// LibraryFiles are the libraries that come from files, by those. Values are immutable; with and
// without return changed ones.
type LibraryFiles struct {
	Paths Names
	// Links are recognised in file systems of the operating system; in others a path is all there
	// is.
	identities persist.Map[fileIdentity, []*Module]
}

// Find returns the library that was loaded from a file, whatever the file was called, or nil.
func (f LibraryFiles) Find(at Location) *Module {
	if m := f.Paths.At(at.File); m != nil {
		return m
	}
	id, ok := identityOf(at.Info)
	if !ok {
		return nil
	}
	for _, m := range f.identities.At(id) {
		if os.SameFile(m.Stat, at.Info) {
			return m
		}
	}
	return nil
}

// With adds a library, unless it was given as bytes.
func (f LibraryFiles) With(m *Module) LibraryFiles {
	if m.Stat == nil {
		return f
	}
	f.Paths = f.Paths.With(m.File, m)
	if id, ok := identityOf(m.Stat); ok {
		f.identities = f.identities.With(id, slices.Concat(f.identities.At(id), []*Module{m}))
	}
	return f
}

// without takes a library away.
func (f LibraryFiles) without(m *Module) LibraryFiles {
	if m.Stat == nil {
		return f
	}
	if f.Paths.At(m.File) == m {
		f.Paths = f.Paths.Without(m.File)
	}
	id, ok := identityOf(m.Stat)
	if !ok {
		return f
	}
	left := slices.DeleteFunc(slices.Clone(f.identities.At(id)),
		func(other *Module) bool { return other == m })
	if len(left) > 0 {
		f.identities = f.identities.With(id, left)
	} else {
		f.identities = f.identities.Without(id)
	}
	return f
}

// Location is a library's file. What identifies a library is its file, not the name by which it was
// asked for: one file under two names is one library, two copies of a file are two. A library that
// was given as bytes has no file, so its name identifies it.
type Location struct {
	File string
	Info fs.FileInfo // nil for a library given as bytes
}
