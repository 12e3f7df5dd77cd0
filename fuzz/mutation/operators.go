package mutation

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
)

// edit replaces a part of a file.
type edit struct {
	from, to      token.Pos
	function      string
	before, after string
}

// maker makes the edits of one function.
type maker struct {
	*source
	name     string // of the file
	function string
	edits    []edit
}

// edits returns all changes of a file, compiling or not, in the order of the text. Functions that
// make texts are left alone: which words they use is not theirs to get right.
func (s *source) edits(name string) []edit {
	var all []edit
	for _, d := range s.files[name].Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Body == nil || slices.Contains([]string{"String", "Error"}, f.Name.Name) {
			continue
		}
		m := &maker{source: s, name: name, function: function(f)}
		ast.Inspect(f.Body, m.node)
		all = append(all, m.edits...)
	}
	slices.SortStableFunc(all, func(a, b edit) int { return int(a.from - b.from) })
	return all
}

func (m *maker) src(n ast.Node) string { return m.text(m.name, n.Pos(), n.End()) }

// replace puts a text in the place of a node.
func (m *maker) replace(n ast.Node, after string) {
	m.edits = append(m.edits, edit{n.Pos(), n.End(), m.function, m.src(n), after})
}

// always and never keep what an expression does, but not what it says.
func (m *maker) always(e ast.Expr) { m.replace(e, "("+m.operand(e)+" || true)") }
func (m *maker) never(e ast.Expr)  { m.replace(e, "("+m.operand(e)+" && false)") }

// operand is the text of an expression that binds as tightly as any.
func (m *maker) operand(e ast.Expr) string {
	if _, ok := e.(*ast.BinaryExpr); ok {
		return "(" + m.src(e) + ")"
	}
	return m.src(e)
}

// node makes the edits of one node; ast.Inspect goes on with what is in it.
func (m *maker) node(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IfStmt:
		m.always(n.Cond)
		m.never(n.Cond)
	case *ast.ForStmt:
		if n.Cond != nil {
			m.never(n.Cond)
		}
	case *ast.BinaryExpr:
		m.binary(n)
	case *ast.UnaryExpr:
		if n.Op == token.NOT {
			m.replace(n, m.src(n.X))
		}
	case *ast.BasicLit:
		m.literal(n)
	case *ast.CallExpr:
		return !isText(n) && !m.isMake(n)
	case *ast.ReturnStmt:
		for _, e := range n.Results {
			m.result(e)
		}
	case *ast.ExprStmt, *ast.IncDecStmt, *ast.DeferStmt, *ast.GoStmt, *ast.SendStmt:
		m.remove(n)
	case *ast.BranchStmt:
		if n.Tok == token.BREAK || n.Tok == token.CONTINUE {
			m.remove(n)
		}
	case *ast.AssignStmt:
		m.assign(n)
	case *ast.CaseClause:
		if len(n.List) > 0 {
			m.emptied(n)
		}
	}
	return true
}

// remove takes a statement out; a panic is left, since a function may have to end in it.
func (m *maker) remove(n ast.Node) {
	if s, ok := n.(*ast.ExprStmt); ok {
		if c, ok := s.X.(*ast.CallExpr); ok {
			if id, ok := c.Fun.(*ast.Ident); ok && id.Name == "panic" {
				return
			}
		}
	}
	m.edits = append(m.edits, edit{n.Pos(), n.End(), m.function, m.src(n), "{}"})
}

// emptied makes a case do nothing.
func (m *maker) emptied(n *ast.CaseClause) {
	if len(n.Body) < 2 { // otherwise what is in it is removed
		return
	}
	from, to := n.Body[0].Pos(), n.Body[len(n.Body)-1].End()
	m.edits = append(m.edits, edit{from, to, m.function, m.text(m.name, from, to), "{}"})
}

// assign does what is on the right without storing it.
func (m *maker) assign(n *ast.AssignStmt) {
	if n.Tok == token.DEFINE {
		return
	}
	left, right := "", ""
	for i, l := range n.Lhs {
		if id, ok := l.(*ast.Ident); ok && id.Name == "_" && len(n.Lhs) == 1 {
			return
		}
		if i > 0 {
			left += ", "
		}
		left += "_"
	}
	for i, r := range n.Rhs {
		if i > 0 {
			right += ", "
		}
		right += m.src(r)
	}
	m.replace(n, left+" = "+right)
}

// binary changes bounds, arithmetic, and drops operands of conditions.
func (m *maker) binary(n *ast.BinaryExpr) {
	swapped := map[token.Token]token.Token{token.LSS: token.LEQ, token.LEQ: token.LSS,
		token.GTR: token.GEQ, token.GEQ: token.GTR, token.ADD: token.SUB, token.SUB: token.ADD,
		token.MUL: token.QUO, token.QUO: token.MUL, token.AND: token.OR, token.OR: token.AND,
		token.SHL: token.SHR, token.SHR: token.SHL, token.AND_NOT: token.AND}
	switch op, ok := swapped[n.Op]; {
	case n.Op == token.LAND:
		m.always(n.X)
		m.always(n.Y)
	case n.Op == token.LOR:
		m.never(n.X)
		m.never(n.Y)
	case ok && !m.isString(n):
		m.replace(n, fmt.Sprintf("(%s %s %s)", m.operand(n.X), op, m.operand(n.Y)))
	}
}

// literal makes an integer one larger.
func (m *maker) literal(n *ast.BasicLit) {
	if n.Kind != token.INT {
		return
	}
	if v, err := strconv.ParseInt(n.Value, 0, 64); err == nil {
		m.replace(n, strconv.FormatInt(v+1, 10))
	}
}

// result changes what a function returns: an error into none, a truth into its opposite.
func (m *maker) result(e ast.Expr) {
	t := m.info.Types[e]
	switch {
	case t.IsNil() || t.Type == nil:
	case types.Identical(t.Type, types.Universe.Lookup("error").Type()):
		m.replace(e, "nil")
	case types.Identical(t.Type.Underlying(), types.Typ[types.Bool]),
		types.Identical(t.Type.Underlying(), types.Typ[types.UntypedBool]):
		m.replace(e, "!("+m.src(e)+")")
	}
}

func (m *maker) isString(e ast.Expr) bool {
	t := m.info.Types[e].Type
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}

// isMake tells a make, whose numbers are mostly a matter of speed.
func (m *maker) isMake(n *ast.CallExpr) bool {
	id, ok := n.Fun.(*ast.Ident)
	if !ok {
		return false
	}
	b, ok := m.info.Uses[id].(*types.Builtin)
	return ok && b.Name() == "make"
}

// isText tells a call that makes a text for people: of package fmt, or of errors.
func isText(n *ast.CallExpr) bool {
	f, ok := n.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := f.X.(*ast.Ident)
	return ok && (id.Name == "fmt" || id.Name == "slog")
}
