package instrument

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// captured finds the local variables that a function literal uses and that are changed after their
// declaration: goroutines may share them.
func captured(info *types.Info, f *ast.File) map[types.Object]bool {
	inside := map[types.Object]bool{}  // used in a function literal that does not declare it
	changed := map[types.Object]bool{} // assigned to, or its address is taken
	change := func(e ast.Expr) {
		if id, ok := ast.Unparen(e).(*ast.Ident); ok && info.Uses[id] != nil {
			changed[info.Uses[id]] = true
		}
	}
	var lits []*ast.FuncLit
	var visit func(n ast.Node) bool
	visit = func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			lits = append(lits, n)
			ast.Inspect(n.Body, visit)
			lits = lits[:len(lits)-1]
			return false
		case *ast.Ident:
			v, ok := info.Uses[n].(*types.Var)
			if ok && len(lits) > 0 && !v.IsField() && v.Pos() < lits[len(lits)-1].Pos() {
				inside[v] = true
			}
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				change(e)
			}
		case *ast.IncDecStmt:
			change(n.X)
		}
		return true
	}
	ast.Inspect(f, visit)
	both := map[types.Object]bool{}
	for v := range inside {
		if changed[v] {
			both[v] = true
		}
	}
	return both
}

// shared says whether an expression denotes a variable that other goroutines may reach, and whose
// address can be taken.
func (r *rewriter) shared(e ast.Expr) bool {
	tv := r.s.info.Types[e]
	if tv.IsType() || tv.Value != nil || tv.IsNil() {
		return false
	}
	switch e := e.(type) {
	case *ast.ParenExpr:
		return r.shared(e.X)
	case *ast.Ident:
		v, ok := r.s.info.Uses[e].(*types.Var)
		return ok && !v.IsField() && (v.Parent() == r.s.pkg.Scope() || r.moved[v])
	case *ast.SelectorExpr:
		sel := r.s.info.Selections[e]
		if sel == nil || sel.Kind() != types.FieldVal {
			return false
		}
		return sel.Indirect() || r.shared(e.X)
	case *ast.StarExpr:
		return true
	case *ast.IndexExpr:
		switch t := r.s.info.TypeOf(e.X).Underlying().(type) {
		case *types.Slice:
			return true
		case *types.Array:
			return r.shared(e.X)
		case *types.Pointer:
			_, array := t.Elem().Underlying().(*types.Array)
			return array
		}
	}
	return false
}

// mapIndex says whether an expression is an element of a map.
func (r *rewriter) mapIndex(e ast.Expr) (*ast.IndexExpr, bool) {
	x, ok := ast.Unparen(e).(*ast.IndexExpr)
	if !ok || r.s.info.TypeOf(x.X) == nil {
		return nil, false
	}
	_, ok = r.s.info.TypeOf(x.X).Underlying().(*types.Map)
	return x, ok
}

// plainNode is node for plain accesses.
func (r *rewriter) plainNode(n ast.Node) string {
	switch n := n.(type) {
	case *ast.AssignStmt:
		return r.assign(n)
	case *ast.IncDecStmt:
		if text, ok := r.update(n.X, n.Tok.String()[:1], "1"); ok {
			return text
		}
		return r.written(n.X) + n.Tok.String()
	case *ast.KeyValueExpr:
		if id, ok := n.Key.(*ast.Ident); ok {
			if v, ok := r.s.info.Uses[id].(*types.Var); ok && v.IsField() {
				return r.src(n.Pos(), n.Value.Pos()) + r.node(n.Value)
			}
		}
	case *ast.SliceExpr:
		if _, array := r.s.info.TypeOf(n.X).Underlying().(*types.Array); array {
			return r.place(n.X) + r.between(n.X.End(), n.End(), children(n)[1:])
		}
	case *ast.IndexExpr:
		if x, ok := r.mapIndex(n); ok {
			return r.call("MapRead") + "(" + r.node(x.X) + ")" + r.src(x.X.End(), x.Index.Pos()) +
				r.node(x.Index) + r.src(x.Index.End(), x.End())
		}
	case *ast.SelectorExpr:
		if text, ok := r.method(n); ok {
			return text
		}
	}
	if e, ok := n.(ast.Expr); ok {
		if r.shared(e) && !r.uncopyable(e) {
			return r.call("Load") + "(&" + r.place(e) + ")"
		}
		if sel, ok := e.(*ast.SelectorExpr); ok {
			return r.node(sel.X) + r.src(sel.X.End(), sel.End())
		}
	}
	return r.same(n)
}

// method is a method value or call: one with a pointer receiver takes the address of a variable.
func (r *rewriter) method(n *ast.SelectorExpr) (string, bool) {
	sel := r.s.info.Selections[n]
	if sel == nil || sel.Kind() == types.FieldVal {
		return "", false
	}
	rest := r.src(n.X.End(), n.End())
	if r.s.info.Types[n.X].IsType() {
		return r.src(n.Pos(), n.End()), true
	}
	if _, pointer := r.s.info.TypeOf(n.X).Underlying().(*types.Pointer); pointer {
		return r.node(n.X) + rest, true
	}
	f, ok := sel.Obj().(*types.Func)
	if !ok {
		return "", false
	}
	recv := f.Signature().Recv()
	_, byPointer := recv.Type().Underlying().(*types.Pointer)
	if byPointer || len(sel.Index()) > 1 {
		return r.place(n.X) + rest, true
	}
	return r.node(n.X) + rest, true
}

// uncopyable says whether the variable must not be copied: arrays and structs that hold locks.
func (r *rewriter) uncopyable(e ast.Expr) bool {
	t := r.s.info.TypeOf(e)
	for range 3 {
		switch u := t.Underlying().(type) {
		case *types.Struct:
			return true
		case *types.Array:
			t = u.Elem()
			continue
		}
		break
	}
	_, tuple := t.(*types.Tuple)
	return tuple
}

// place is the text of an expression whose address is taken, or that is assigned to: what leads
// there is read, the variable itself is not.
func (r *rewriter) place(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return "(" + r.place(e.X) + ")"
	case *ast.Ident:
		return e.Name
	case *ast.StarExpr:
		return "*" + r.node(e.X)
	case *ast.SelectorExpr:
		sel := r.s.info.Selections[e]
		if sel == nil {
			return r.src(e.Pos(), e.End())
		}
		if sel.Kind() != types.FieldVal {
			break
		}
		rest := r.src(e.X.End(), e.End())
		if _, pointer := r.s.info.TypeOf(e.X).Underlying().(*types.Pointer); pointer {
			return r.node(e.X) + rest
		}
		return r.place(e.X) + rest
	case *ast.IndexExpr:
		rest := func() string {
			return r.src(e.X.End(), e.Index.Pos()) + r.node(e.Index) + r.src(e.Index.End(), e.End())
		}
		switch r.s.info.TypeOf(e.X).Underlying().(type) {
		case *types.Array:
			return r.place(e.X) + rest()
		case *types.Slice, *types.Pointer:
			return r.node(e.X) + rest()
		}
	}
	return r.node(e)
}

// written is the text of an expression that is assigned to, in a statement that stays as it is.
func (r *rewriter) written(e ast.Expr) string {
	if x, ok := r.mapIndex(e); ok {
		return r.call("MapWrite") + "(" + r.node(x.X) + ")" + r.src(x.X.End(), x.Index.Pos()) +
			r.node(x.Index) + r.src(x.Index.End(), x.End())
	}
	return r.place(e)
}

// update is an assignment that reads the variable, too; false: it cannot be written in this way,
// since the text of the variable stands there twice.
func (r *rewriter) update(e ast.Expr, op, value string) (string, bool) {
	if !r.shared(e) || active(e) {
		return "", false
	}
	place := r.place(e)
	if strings.Contains(place, "\n") {
		return "", false
	}
	return fmt.Sprintf("%s(&%s)(%s(&%s) %s (%s))", r.call("Store"), place, r.call("Load"), place,
		op, value), true
}

// active says whether the evaluation of an expression calls something, or waits.
func active(e ast.Expr) (yes bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			yes = true
		case *ast.UnaryExpr:
			yes = yes || n.Op == token.ARROW
		case *ast.FuncLit:
			return false
		}
		return !yes
	})
	return yes
}

func (r *rewriter) assign(n *ast.AssignStmt) string {
	if n.Tok == token.DEFINE {
		return r.src(n.Pos(), n.Rhs[0].Pos()) + r.between(n.Rhs[0].Pos(), n.End(), n.Rhs)
	}
	if len(n.Lhs) == 1 {
		left := n.Lhs[0]
		if n.Tok == token.ASSIGN && r.shared(left) && !r.uncopyable(left) {
			return r.padded(n, r.call("Store")+"(&"+r.place(left)+")("+r.node(n.Rhs[0])+")")
		}
		if n.Tok != token.ASSIGN {
			text, ok := r.update(left, strings.TrimSuffix(n.Tok.String(), "="), r.node(n.Rhs[0]))
			if ok {
				return text
			}
		}
		return r.written(left) + r.src(left.End(), n.Rhs[0].Pos()) + r.node(n.Rhs[0])
	}
	var left []string
	quiet := true
	for _, e := range n.Rhs {
		quiet = quiet && !active(e)
	}
	for _, e := range n.Lhs {
		if quiet && r.shared(e) && !r.uncopyable(e) {
			left = append(left, "*"+r.call("Wrote")+"(&"+r.place(e)+")")
		} else {
			left = append(left, r.written(e))
		}
	}
	return strings.Join(left, ", ") + " = " + r.between(n.Rhs[0].Pos(), n.End(), n.Rhs)
}
