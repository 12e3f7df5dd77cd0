package graphs

import (
	"fmt"
	"path"
	"strings"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// The folders in which libraries are.
const (
	SearchPath = "lib"  // where every name is looked for
	Aside      = "deep" // found by a run-time path or by a path alone
)

// NoteFunction is the function of the main module that libraries call to leave a trace. Its type is
// (i32) -> ().
const NoteFunction = "log_append"

// Absent is the name of a library that is nowhere.
const Absent = "absent.wasm"

// File is a library in a file.
type File struct {
	Path string
	Lib  *synth.Library // nil for one that is broken
	Text []byte         // of one that is broken
}

// Name is what others need the file as.
func (f *File) Name() string { return path.Base(f.Path) }

// Graph is a file system with libraries. It is not changed after it was made.
type Graph struct {
	Libs    []*File
	Preload []string // names of libraries that are loaded with the main module
}

// At returns the file of a path, or nil.
func (g *Graph) At(p string) *File {
	for _, f := range g.Libs {
		if f.Path == p {
			return f
		}
	}
	return nil
}

// Files writes all libraries. The error is one of the generator.
func (g *Graph) Files() (fstest.MapFS, error) {
	files := fstest.MapFS{}
	for _, f := range g.Libs {
		data := f.Text
		if f.Lib != nil {
			var err error
			if data, err = f.Lib.Encode(); err != nil {
				return nil, fmt.Errorf("graphs: %s: %w", f.Path, err)
			}
		}
		files[f.Path] = &fstest.MapFile{Data: data}
	}
	return files, nil
}

// String describes the graph for people.
func (g *Graph) String() string {
	var b strings.Builder
	if len(g.Preload) > 0 {
		fmt.Fprintf(&b, "preload %v\n", g.Preload)
	}
	for _, f := range g.Libs {
		if f.Lib == nil {
			fmt.Fprintf(&b, "%s: broken\n", f.Path)
			continue
		}
		fmt.Fprintf(&b, "%s: needs %v, run path %v, weak %v\n", f.Path, f.Lib.Needed, f.Lib.RunPath,
			f.Lib.Weak)
		for i, fn := range f.Lib.Functions {
			fmt.Fprintf(&b, "\tfunction %d %v %v %+v\n", fn.Base, fn.Exports, fn.Sig,
				named(f.Lib.Functions[i].Body))
		}
		fmt.Fprintf(&b, "\tdata %v, threads %v, globals %v\n", f.Lib.Variables, f.Lib.Threads,
			f.Lib.Globals)
		fmt.Fprintf(&b, "\twords %+v, table %v %v\n", f.Lib.Words, f.Lib.Table, f.Lib.TableOthers)
		if f.Lib.Constructor != nil {
			fmt.Fprintf(&b, "\tconstructor %v\n", named(f.Lib.Constructor))
		}
	}
	return b.String()
}

// named describes operations.
func named(body []synth.Op) (list []string) {
	for _, op := range body {
		list = append(list, op.String())
	}
	return list
}
