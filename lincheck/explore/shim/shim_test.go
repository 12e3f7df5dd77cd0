// Package shim_test compares the packages that replace standard ones with those.
package shim_test

import (
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// load reads packages from their export data.
func load(t *testing.T, paths ...string) map[string]*types.Package {
	t.Helper()
	args := append([]string{"list", "-deps", "-export", "-f", "{{.ImportPath}} {{.Export}}"},
		paths...)
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		files[path] = file
	}
	imp := importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		return os.Open(files[path])
	})
	found := map[string]*types.Package{}
	for _, p := range paths {
		pkg, err := imp.Import(p)
		if err != nil {
			t.Fatal(err)
		}
		found[p] = pkg
	}
	return found
}

// written is an object's type without the names of packages, and of parameters.
func written(o types.Object, method string) string {
	typ := o.Type()
	if method != "" {
		m, _, _ := types.LookupFieldOrMethod(types.NewPointer(typ), true, o.Pkg(), method)
		if m == nil {
			return "missing"
		}
		typ = m.Type()
	}
	sig, ok := types.Unalias(typ).(*types.Signature)
	if !ok {
		return "not a function"
	}
	var b strings.Builder
	for v := range sig.Params().Variables() {
		b.WriteString(types.TypeString(v.Type(), func(*types.Package) string { return "" }) + ",")
	}
	b.WriteString(" → ")
	for v := range sig.Results().Variables() {
		b.WriteString(types.TypeString(v.Type(), func(*types.Package) string { return "" }) + ",")
	}
	return b.String()
}

// Everything that the standard packages export is there, with the same signatures.
func TestShimsAreComplete(t *testing.T) {
	const own = "github.com/lockstep-wasm/lockstep/lincheck/explore/shim/"
	pairs := map[string]string{"sync": own + "sync", "sync/atomic": own + "atomic", "time": own +
		"time",
		"context": own + "context"}
	var paths []string
	for std, shim := range pairs {
		paths = append(paths, std, shim)
	}
	packages, compared := load(t, paths...), 0
	for std, shim := range pairs {
		want, have := packages[std].Scope(), packages[shim].Scope()
		for _, name := range want.Names() {
			o := want.Lookup(name)
			if !o.Exported() {
				continue
			}
			compared++
			p := have.Lookup(name)
			if p == nil {
				t.Errorf("%s.%s is missing", std, name)
				continue
			}
			if _, ok := o.(*types.Func); ok && written(o, "") != written(p, "") {
				t.Errorf("%s.%s is %s, want %s", std, name, written(p, ""), written(o, ""))
			}
			if _, ok := o.(*types.TypeName); !ok || types.Identical(o.Type(), p.Type()) {
				continue
			}
			set := types.NewMethodSet(types.NewPointer(o.Type()))
			for m := range set.Methods() {
				if m.Obj().Exported() {
					compared++
					if a, b := written(o, m.Obj().Name()), written(p, m.Obj().Name()); a != b {
						t.Errorf("%s.%s.%s is %s, want %s", std, name, m.Obj().Name(), b, a)
					}
				}
			}
		}
	}
	if compared < 200 {
		t.Errorf("only %d names were compared", compared)
	}
}
