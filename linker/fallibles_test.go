package linker_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// returned is what a function returned: its results, and its error, which comes last.
type returned []any

func (o returned) err() error {
	err, _ := o[len(o)-1].(error)
	return err
}

// check fails the test if there are results beside an error.
func (o returned) check(t testing.TB, what string) {
	t.Helper()
	if o.err() == nil {
		return
	}
	for k, r := range o[:len(o)-1] {
		if v := reflect.ValueOf(r); v.IsValid() && !v.IsZero() {
			t.Errorf("%s: result %d is %v, beside the error %v", what, k, r, o.err())
		}
	}
}

func results(list ...any) returned { return list }

// fallible are the functions of the package that have results and an error.
type fallible struct {
	name string
	call func(ctx context.Context, i *image) returned
	// undo takes back what a call that succeeded has done.
	undo func(i *image, o returned) error
}

func nothing(*image, returned) error { return nil }

func fallibles(t testing.TB, m *meddler) []fallible {
	main := readFixture(t, "main-pie.wasm")
	closeLibrary := func(i *image, o returned) error {
		return i.g.CloseLibrary(i.ctx, o[0].(*linker.Library))
	}
	other := readFixture(t, "threads/libother.wasm")
	params := []api.ValueType{api.ValueTypeI32}
	return []fallible{
		{"New", func(ctx context.Context, i *image) returned {
			l, err := linker.New(ctx, i.rt, main, linker.NewConfig().WithHook(m.hook))
			return results(l, err)
		}, func(i *image, o returned) error { return o[0].(*linker.Linker).Close(i.ctx) }},
		{"Open", func(ctx context.Context, i *image) returned {
			lib, err := i.g.Open(ctx, "libdata.wasm")
			return results(lib, err)
		}, closeLibrary},
		{"OpenBytes", func(ctx context.Context, i *image) returned {
			lib, err := i.g.OpenBytes(ctx, "bytes", other)
			return results(lib, err)
		}, closeLibrary},
		{"OpenAll", func(ctx context.Context, i *image) returned {
			libs, err := i.g.OpenAll(ctx, []string{"libdata.wasm", "libcounter.wasm"})
			return results(libs, err)
		}, func(i *image, o returned) error {
			var errs []error
			for _, lib := range o[0].([]*linker.Library) {
				errs = append(errs, i.g.CloseLibrary(i.ctx, lib))
			}
			return errors.Join(errs...)
		}},
		{"NewCallback", func(ctx context.Context, i *image) returned {
			f := api.GoModuleFunc(func(context.Context, api.Module, []uint64) {})
			pointer, err := i.g.NewCallback(ctx, f, params, params)
			return results(pointer, err)
		}, func(i *image, o returned) error { return i.g.FreeCallback(i.ctx, o[0].(uint32)) }},
		{"Symbol", func(ctx context.Context, i *image) returned {
			// Of a library that is loaded anew each time, so that there is a pointer to make.
			lib, err := i.g.Open(i.ctx, "libcounter.wasm")
			if err != nil {
				return results(linker.Symbol{}, err)
			}
			defer i.g.CloseLibrary(i.ctx, lib)
			sym, err := i.g.Symbol(ctx, lib, "counter_next")
			return results(sym, err)
		}, nothing},
		{"Call", func(ctx context.Context, i *image) returned {
			r, err := i.g.Call(ctx, linker.Default, "main_twice", 21)
			return results(r, err)
		}, nothing},
		{"Func", func(ctx context.Context, i *image) returned {
			f, err := i.g.Func(ctx, linker.Default, "main_twice")
			return results(f, err)
		}, nothing},
		{"Func.Call", func(ctx context.Context, i *image) returned {
			f, err := i.g.Func(i.ctx, linker.Default, "main_twice")
			if err != nil {
				return results([]uint64(nil), err)
			}
			r, err := f.Call(ctx, 21)
			return results(r, err)
		}, nothing},
		{"CallPointer", func(ctx context.Context, i *image) returned {
			r, err := i.g.CallPointer(ctx, 1, params, params, 7)
			return results(r, err)
		}, nothing},
		{"AllocateClosure", func(ctx context.Context, i *image) returned {
			slot, err := i.g.AllocateClosure(ctx)
			return results(slot, err)
		}, func(i *image, o returned) error { return i.g.FreeClosure(i.ctx, o[0].(uint32)) }},
		{"Spawn", func(ctx context.Context, i *image) returned {
			g, err := i.g.Spawn(ctx)
			return results(g, err)
		}, func(i *image, o returned) error { return o[0].(*linker.Group).Close(i.ctx) }},
		{"Run", func(ctx context.Context, i *image) returned {
			code, err := i.l.Run(ctx) // the main module is no command
			return results(code, err)
		}, nothing},
	}
}

// TestFalliblesAreComplete sees to it that the table has every function of the package with results
// and an error.
func TestFalliblesAreComplete(t *testing.T) {
	known := map[string]bool{}
	for _, f := range fallibles(t, &meddler{}) {
		known[f.name] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || !isPublic(fn) {
				continue
			}
			list := fn.Type.Results
			if list.NumFields() < 2 {
				continue
			}
			last, ok := list.List[len(list.List)-1].Type.(*ast.Ident)
			if ok && last.Name == "error" {
				if found++; !known[publicName(fn)] {
					t.Errorf("%s is missing", publicName(fn))
				}
			}
		}
	}
	if found != len(known) {
		t.Errorf("%d functions found, %d in the table", found, len(known))
	}
}

// publicName is a function's name in the table: with its receiver, where that is neither linker nor
// group.
func publicName(fn *ast.FuncDecl) string {
	if fn.Recv != nil {
		if star, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
			if t, ok := star.X.(*ast.Ident); ok && t.Name != "Group" && t.Name != "Linker" {
				return t.Name + "." + fn.Name.Name
			}
		}
	}
	return fn.Name.Name
}

func isPublic(fn *ast.FuncDecl) bool {
	if fn.Recv == nil || !fn.Name.IsExported() {
		return fn.Name.IsExported()
	}
	typ := fn.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}
