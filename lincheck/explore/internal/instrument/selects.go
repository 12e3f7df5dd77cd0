package instrument

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// selectStmt makes a switch of a select: the cases' channels and values are evaluated in its head,
// as the language says, and its tag is the number of the case.
//
//	select {                    switch c0, c1 := Receiving(a), Sending(b)(x); Select(false, c0, c1) {
//	case v := <-a: f(v)         case 0: v := c0.Value; f(v)
//	case b <- x:                case 1:
//	}                           default: panic("unreachable") }
func (r *rewriter) selectStmt(n *ast.SelectStmt) string {
	var names, values []string
	hasDefault := false
	for _, s := range n.Body.List {
		c := s.(*ast.CommClause)
		if c.Comm == nil {
			hasDefault = true
			continue
		}
		names = append(names, fmt.Sprintf("%sC%d", rt, len(names)))
		values = append(values, r.selectCase(c.Comm))
	}
	head := strings.Join(values, ", ")
	var b strings.Builder
	b.WriteString("switch ")
	if len(names) > 0 {
		fmt.Fprintf(&b, "%s := %s; ", strings.Join(names, ", "), head)
	}
	args := append([]string{fmt.Sprint(hasDefault)}, names...)
	fmt.Fprintf(&b, "%s(%s) ", r.call("Select"), strings.Join(args, ", "))
	from, i := n.Body.Lbrace, 0
	for _, s := range n.Body.List {
		c := s.(*ast.CommClause)
		b.WriteString(r.src(from, c.Pos()))
		b.WriteString(r.position(head, c.Pos()))
		if c.Comm == nil {
			b.WriteString("default:")
		} else {
			fmt.Fprintf(&b, "case %d: %s", i, r.received(c.Comm, names[i]))
			i++
		}
		b.WriteString(r.position(r.src(c.Pos(), c.Colon), c.Colon+1))
		b.WriteString(r.between(c.Colon+1, c.End(), c.Body))
		from = c.End()
	}
	b.WriteString(r.src(from, n.Body.Rbrace))
	b.WriteString(r.position(head, n.Body.Rbrace))
	if !hasDefault {
		b.WriteString(`default: panic("unreachable") `)
	}
	b.WriteString("}")
	return b.String()
}

// position tells the compiler the position of what follows, if a text that was moved has several
// lines.
func (r *rewriter) position(moved string, pos token.Pos) string {
	if !strings.Contains(moved, "\n") {
		return ""
	}
	p := r.s.fset.PositionFor(pos, false)
	return fmt.Sprintf("/*line %s:%d:%d*/", p.Filename, p.Line, p.Column)
}

// selectCase makes the value of a case.
func (r *rewriter) selectCase(comm ast.Stmt) string {
	if s, ok := comm.(*ast.SendStmt); ok {
		return r.call("Sending") + "(" + r.node(s.Chan) + ")(" + r.node(s.Value) + ")"
	}
	return r.call("Receiving") + "(" + r.node(receiveOf(comm).X) + ")"
}

// receiveOf is the receive operation of a case.
func receiveOf(comm ast.Stmt) *ast.UnaryExpr {
	switch s := comm.(type) {
	case *ast.ExprStmt:
		return ast.Unparen(s.X).(*ast.UnaryExpr)
	case *ast.AssignStmt:
		return ast.Unparen(s.Rhs[0]).(*ast.UnaryExpr)
	}
	panic("instrument: a case of a select that neither sends nor receives")
}

// received assigns what a case has received.
func (r *rewriter) received(comm ast.Stmt, name string) string {
	s, ok := comm.(*ast.AssignStmt)
	if !ok {
		return ""
	}
	left := make([]string, len(s.Lhs))
	for i, e := range s.Lhs {
		left[i] = r.src(e.Pos(), e.End())
	}
	right := name + ".Value"
	if len(s.Lhs) == 2 {
		right += ", " + name + ".OK"
	}
	return strings.Join(left, ", ") + " " + s.Tok.String() + " " + right + "; "
}
