package image

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// The index finds what a search of the modules in order finds, whatever was added and taken out, in
// every version, and also while a module has not got its re-exports yet.
func TestGlobalsFindTheFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			globals Globals
			modules []*Module
		}
		names := []string{"a", "b", "c", "d", "e"}
		versions := []version{{}}
		agree := func(v version) {
			if !slices.Equal(v.globals.All, v.modules) {
				t.Fatalf("%d modules, want %d", len(v.globals.All), len(v.modules))
			}
			for _, name := range names {
				if got, want := v.globals.Lookup(name), First(v.modules, name); got != want {
					t.Fatalf("%s: found %v, want %v", name, got, want)
				}
			}
		}
		late := map[*Module]string{} // re-exports to come
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				v := versions[rapid.IntRange(0, len(versions)-1).Draw(t, "version")]
				var more []*Module
				for i := range rapid.IntRange(1, 3).Draw(t, "modules") {
					m := &Module{Name: fmt.Sprint(i), Exports: map[string]*Export{}}
					for _, name := range names {
						switch rapid.IntRange(0, 5).Draw(t, name) {
						case 0:
							m.Exports[name] = &Export{Mod: m, Name: name}
						case 1:
							m.Src, late[m] = reexporting(t, name), name
						}
					}
					more = append(more, m)
				}
				versions = append(versions,
					version{v.globals.With(more), slices.Concat(v.modules, more)})
			},
			"take out": func(t *rapid.T) {
				v := versions[rapid.IntRange(0, len(versions)-1).Draw(t, "version")]
				dead := map[*Module]bool{}
				for i, m := range v.modules {
					dead[m] = rapid.Bool().Draw(t, fmt.Sprint(i))
				}
				is := func(m *Module) bool { return dead[m] }
				left := slices.DeleteFunc(slices.Clone(v.modules), is)
				versions = append(versions, version{v.globals.Without(is), left})
			},
			"re-export": func(t *rapid.T) {
				for m, name := range late {
					if m.Exports[name] == nil {
						m.Exports[name] = &Export{Mod: m, Name: name}
					}
				}
				clear(late)
			},
			"": func(*rapid.T) {
				for _, v := range versions {
					agree(v)
				}
			},
		})
	})
}

// reexporting is a module that exports what it imports.
func reexporting(t *rapid.T, name string) *wasm.Module {
	var b wasm.Builder
	b.ExportFunc(name, b.ImportFunc("env", "f", b.Type(nil, nil)))
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(bytes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A module that is added is entered in few tables: as many as the logarithm of their number says.
func TestGlobalsHaveFewRuns(t *testing.T) {
	var g Globals
	for i := range 1000 {
		m := &Module{Exports: map[string]*Export{fmt.Sprint(i): {}}}
		g = g.With([]*Module{m})
	}
	if got := len(g.runs); got > 10 {
		t.Errorf("%d runs of 1000 modules", got)
	}
}
