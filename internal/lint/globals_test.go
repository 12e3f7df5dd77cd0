package lint

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// state are the package-level variables that change, and why they may.
var state = map[string]string{
	"lincheck/explore.overlays":                    "a cache of what the process has built",
	"lincheck/explore/internal/sched.active":       "instrumented code finds its scheduler there",
	"lincheck/explore/internal/sched.clockObject":  "only its address counts",
	"lincheck/explore/internal/sched.instrumented": "set by the init of instrumented code",
	"lincheck/explore/internal/sched.progress":     "the watch dog of the process reads it",
	"linker/internal/codecache.compiling":          "see compile",
}

// Packages have no state: a variable of a package is an error or a table that is only read. Two
// images in one process share nothing that way, and no test has to put anything back.
func TestGlobals(t *testing.T) {
	all := sources(t)
	errorType := types.Universe.Lookup("error").Type().Underlying().(*types.Interface)
	found := map[string]bool{}
	for _, p := range all {
		for _, change := range changes(p) {
			v := change.variable
			if types.Implements(v.Type(), errorType) {
				continue
			}
			name := strings.TrimPrefix(v.Pkg().Path(), module+"/") + "." + v.Name()
			if found[name] = true; state[name] == "" {
				t.Errorf("%s: %s changes %s", p.fset.Position(change.at), change.how, name)
			}
		}
	}
	for name := range state {
		if !found[name] {
			t.Errorf("%s does not change, or is gone: it is no exception any more", name)
		}
	}
}

// A change is a place where a package-level variable is, or may be, changed.
type change struct {
	variable *types.Var
	at       token.Pos
	how      string
}

// changes finds assignments to variables of packages and to what is in them, their addresses, and
// calls of methods that need these.
func changes(p *checked) (list []change) {
	global := func(e ast.Expr) *types.Var {
		for {
			switch x := e.(type) {
			case *ast.ParenExpr:
				e = x.X
				continue
			case *ast.IndexExpr:
				e = x.X
				continue
			case *ast.StarExpr:
				e = x.X
				continue
			case *ast.SelectorExpr:
				if v, ok := p.info.Uses[x.Sel].(*types.Var); ok && !v.IsField() {
					return packageLevel(v)
				}
				e = x.X
				continue
			case *ast.Ident:
				v, _ := p.info.Uses[x].(*types.Var)
				return packageLevel(v)
			}
			return nil
		}
	}
	note := func(e ast.Expr, how string) {
		if v := global(e); v != nil {
			list = append(list, change{v, e.Pos(), how})
		}
	}
	for _, f := range p.files {
		ast.Inspect(f, func(n ast.Node) bool {
			switch x := n.(type) {
			case *ast.AssignStmt:
				for _, l := range x.Lhs {
					note(l, "an assignment")
				}
			case *ast.IncDecStmt:
				note(x.X, x.Tok.String())
			case *ast.UnaryExpr:
				if x.Op == token.AND {
					note(x.X, "its address")
				}
			case *ast.CallExpr:
				if id, ok := x.Fun.(*ast.Ident); ok && id.Name == "delete" && len(x.Args) > 0 {
					note(x.Args[0], "delete")
				}
			case *ast.SelectorExpr:
				if needsAddress(p.info.Selections[x]) {
					note(x.X, "a method with a pointer receiver")
				}
			}
			return true
		})
	}
	return list
}

func packageLevel(v *types.Var) *types.Var {
	if v == nil || v.Pkg() == nil || v.Parent() != v.Pkg().Scope() ||
		!strings.HasPrefix(v.Pkg().Path(), module) {
		return nil
	}
	return v
}

// needsAddress reports whether a method is called through the address of a value.
func needsAddress(s *types.Selection) bool {
	if s == nil || s.Kind() != types.MethodVal {
		return false
	}
	_, pointer := s.Obj().(*types.Func).Signature().Recv().Type().(*types.Pointer)
	_, already := s.Recv().Underlying().(*types.Pointer)
	return pointer && !already
}
