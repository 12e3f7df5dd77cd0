package instrument

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// rt is the name under which instrumented files import what they call.
const rt = "lockstep_rt"

// shims are the packages that are replaced.
var shims = map[string]string{
	`"sync"`:        own + "shim/sync",
	`"sync/atomic"`: own + "shim/atomic",
	`"time"`:        own + "shim/time",
	`"context"`:     own + "shim/context",
}

// rewriter makes the text of an instrumented file. Every method returns text; what it does not
// change it copies, comments and line ends included.
type rewriter struct {
	s     *source
	f     *ast.File
	base  token.Pos // of the first byte
	text  []byte
	plain bool
	used  bool                  // something of rt is called
	moved map[types.Object]bool // local variables that goroutines may share: see captured
}

func newRewriter(s *source, f *ast.File, text []byte, plain bool) *rewriter {
	r := &rewriter{s: s, f: f, base: f.FileStart, text: text, plain: plain}
	if plain {
		r.moved = captured(s.info, f)
	}
	return r
}

// src is the text of the file between two positions.
func (r *rewriter) src(from, to token.Pos) string { return string(r.text[from-r.base : to-r.base]) }

// call is the name of a function of rt.
func (r *rewriter) call(name string) string {
	r.used = true
	return rt + "." + name
}

// file is the whole text. The first file of a package says that it is instrumented.
func (r *rewriter) file(first bool) string {
	end := r.f.FileEnd
	body := r.between(r.f.Name.End(), end, r.f.Decls)
	if first {
		body += fmt.Sprintf("\nfunc init() { %s(%q) }\n", r.call("Instrumented"), r.s.path())
	}
	head := r.src(r.f.FileStart, r.f.Name.End())
	if r.used {
		head += fmt.Sprintf("; import %s %q", rt, own+"shim/rt")
	}
	return head + body
}

// between copies the text between two positions, with the nodes in it rewritten.
func (r *rewriter) between(from, to token.Pos, nodes any) string {
	var list []ast.Node
	switch n := nodes.(type) {
	case []ast.Decl:
		for _, d := range n {
			list = append(list, d)
		}
	case []ast.Stmt:
		for _, s := range n {
			list = append(list, s)
		}
	case []ast.Expr:
		for _, e := range n {
			list = append(list, e)
		}
	case []ast.Node:
		list = n
	}
	var b strings.Builder
	for _, n := range list {
		b.WriteString(r.src(from, n.Pos()))
		b.WriteString(r.node(n))
		from = n.End()
	}
	b.WriteString(r.src(from, to))
	return b.String()
}

// children are the nodes directly below one, in the order of the text.
func children(n ast.Node) (list []ast.Node) {
	ast.Inspect(n, func(c ast.Node) bool {
		switch c.(type) {
		case nil, *ast.CommentGroup, *ast.Comment:
			return false
		}
		if c == n {
			return true
		}
		list = append(list, c)
		return false
	})
	slices.SortStableFunc(list, func(a, b ast.Node) int { return int(a.Pos() - b.Pos()) })
	return list
}

// same copies a node with what is below it rewritten.
func (r *rewriter) same(n ast.Node) string { return r.between(n.Pos(), n.End(), children(n)) }

// node is the text of a node. An expression is one whose value is used.
func (r *rewriter) node(n ast.Node) string {
	switch n := n.(type) {
	case *ast.ImportSpec:
		return r.importSpec(n)
	case *ast.FuncDecl:
		if n.Body == nil {
			return r.src(n.Pos(), n.End())
		}
		return r.src(n.Pos(), n.Body.Pos()) + r.node(n.Body)
	case *ast.GoStmt:
		return r.goStmt(n)
	case *ast.SendStmt:
		return r.call("Send") + "(" + r.node(n.Chan) + ")(" + r.node(n.Value) + ")"
	case *ast.SelectStmt:
		return r.selectStmt(n)
	case *ast.RangeStmt:
		return r.rangeStmt(n)
	case *ast.UnaryExpr:
		if n.Op == token.ARROW {
			return r.receive(n)
		}
		if n.Op == token.AND && r.plain {
			return r.src(n.Pos(), n.X.Pos()) + r.place(n.X)
		}
	case *ast.CallExpr:
		return r.callExpr(n)
	}
	if r.plain {
		return r.plainNode(n)
	}
	return r.same(n)
}

func (r *rewriter) importSpec(n *ast.ImportSpec) string {
	to, ok := shims[n.Path.Value]
	if !ok {
		return r.src(n.Pos(), n.End())
	}
	if n.Name != nil {
		return fmt.Sprintf("%s %q", n.Name.Name, to)
	}
	return fmt.Sprintf("%s %q", to[strings.LastIndex(to, "/")+1:], to)
}

func (r *rewriter) receive(n *ast.UnaryExpr) string {
	name := "Recv"
	if _, two := r.s.info.TypeOf(n).(*types.Tuple); two {
		name = "Recv2"
	}
	return r.call(name) + "(" + r.src(n.OpPos+2, n.X.Pos()) + r.node(n.X) + ")"
}

// isChan says whether an expression is a channel from which can be received.
func (r *rewriter) isChan(e ast.Expr) bool {
	t := r.s.info.TypeOf(e)
	if t == nil {
		return false
	}
	c, ok := t.Underlying().(*types.Chan)
	return ok && c.Dir() != types.SendOnly
}

func (r *rewriter) rangeStmt(n *ast.RangeStmt) string {
	if r.isChan(n.X) {
		return r.src(n.Pos(), n.X.Pos()) + r.call("Range") + "(" + r.node(n.X) + ")" +
			r.src(n.X.End(), n.Body.Pos()) + r.node(n.Body)
	}
	x := r.node(n.X)
	if _, array := r.s.info.TypeOf(n.X).Underlying().(*types.Array); array && r.plain {
		x = r.place(n.X)
	}
	return r.src(n.Pos(), n.X.Pos()) + x + r.src(n.X.End(), n.Body.Pos()) + r.node(n.Body)
}

// builtin is the name of the builtin function that is called; empty: it is none.
func (r *rewriter) builtin(n *ast.CallExpr) string {
	id, ok := ast.Unparen(n.Fun).(*ast.Ident)
	if !ok {
		return ""
	}
	if b, ok := r.s.info.Uses[id].(*types.Builtin); ok {
		return b.Name()
	}
	return ""
}

func (r *rewriter) callExpr(n *ast.CallExpr) string {
	switch name := r.builtin(n); {
	case name == "make" && len(n.Args) > 0:
		if _, ok := r.s.info.TypeOf(n).Underlying().(*types.Chan); ok {
			return r.call("Make") + "(" + r.same(n) + ")"
		}
	case name == "close":
		return r.call("Close") + r.between(n.Lparen, n.End(), n.Args)
	case name == "len" && r.isChan(n.Args[0]):
		return r.call("Len") + r.between(n.Lparen, n.End(), n.Args)
	}
	if sel, ok := n.Fun.(*ast.SelectorExpr); ok {
		f, _ := r.s.info.Uses[sel.Sel].(*types.Func)
		if f != nil && f.FullName() == "runtime.Gosched" {
			return r.call("Yield") + "(" + r.src(n.Fun.Pos(), n.Fun.End()) + ")()"
		}
		if r.s.info.Uses[sel.Sel] != nil && r.s.info.Uses[sel.Sel].Pkg() == types.Unsafe {
			return r.src(n.Pos(), n.End())
		}
	}
	return r.same(n)
}

// goStmt starts a task. What the statement evaluates at once is evaluated at once.
func (r *rewriter) goStmt(n *ast.GoStmt) string {
	c := n.Call
	if lit, ok := c.Fun.(*ast.FuncLit); ok && len(c.Args) == 0 {
		return r.call("Go") + "(" + r.node(lit) + ")" + r.lines(c.Fun.End(), c.End())
	}
	if r.builtin(c) != "" || r.spread(c) {
		return r.call("Go") + "(func() { " + r.node(c) + " })"
	}
	var names, values []string
	hoist := func(e ast.Expr, name string) string {
		names, values = append(names, name), append(values, r.node(e))
		return name
	}
	fun := r.src(c.Fun.Pos(), c.Fun.End())
	if !r.isFunc(c.Fun) {
		fun = hoist(c.Fun, rt+"F")
	}
	args := make([]string, len(c.Args))
	for i, a := range c.Args {
		if tv := r.s.info.Types[a]; tv.Value != nil || tv.IsNil() {
			args[i] = r.src(a.Pos(), a.End())
			continue
		}
		args[i] = hoist(a, fmt.Sprintf("%s%d", rt, i))
	}
	if c.Ellipsis.IsValid() {
		args[len(args)-1] += "..."
	}
	before := ""
	if len(names) > 0 {
		before = strings.Join(names, ", ") + " := " + strings.Join(values, ", ") + "; "
	}
	return r.padded(n, "{ "+before+r.call("Go")+"(func() { "+fun+"("+strings.Join(args, ", ")+
		") }) }")
}

// padded adds the line ends that a text lacks compared with the node that it replaces.
func (r *rewriter) padded(n ast.Node, text string) string {
	missing := strings.Count(r.src(n.Pos(), n.End()), "\n") - strings.Count(text, "\n")
	return text + strings.Repeat("\n", max(missing, 0))
}

// lines is as many line ends as the text between two positions has.
func (r *rewriter) lines(from, to token.Pos) string {
	return strings.Repeat("\n", strings.Count(r.src(from, to), "\n"))
}

// spread says whether one argument of a call stands for several.
func (r *rewriter) spread(c *ast.CallExpr) bool {
	if len(c.Args) != 1 {
		return false
	}
	_, ok := r.s.info.TypeOf(c.Args[0]).(*types.Tuple)
	return ok
}

// isFunc says whether an expression is the name of a declared function, whose evaluation does
// nothing.
func (r *rewriter) isFunc(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		_, ok := r.s.info.Uses[e].(*types.Func)
		return ok
	case *ast.SelectorExpr:
		_, ok := r.s.info.Uses[e.Sel].(*types.Func)
		return ok && r.s.info.Selections[e] == nil
	case *ast.IndexExpr:
		return r.isFunc(e.X)
	case *ast.IndexListExpr:
		return r.isFunc(e.X)
	}
	return false
}
