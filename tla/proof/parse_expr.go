package proof

import (
	"fmt"
	"strings"

	"github.com/lockstep-wasm/lockstep/tla"
)

// Precedences of infix operators, as TLA+ has them; where it has a range, one number of it that is
// right for every pair of operators in this table. Operators of the same precedence are grouped to
// the left.
var infix = map[string]int{
	"=>": 1, "<=>": 2, "~>": 2,
	`/\`: 3, `\/`: 3,
	"=": 5, "#": 5, "/=": 5, `\in`: 5, `\notin`: 5, "<": 5, ">": 5, "<=": 5, "=<": 5, ">=": 5,
	`\subseteq`: 5,
	`\cup`:      8, `\union`: 8, `\cap`: 8, `\`: 8,
	"..": 9, "+": 10, "-": 11, `\X`: 12, "*": 13, `\o`: 13,
}

// Precedences of prefix operators.
var prefix = map[string]int{"~": 4, "[]": 4, "<>": 4, "UNCHANGED": 4, "DOMAIN": 9, "SUBSET": 8,
	"UNION": 8}

// alone are the operators that TLA+ does not chain: a = b = c is an error.
var alone = map[int]bool{1: true, 2: true, 5: true, 9: true}

// expression reads an expression whose infix operators bind at least as tightly as minimum.
func (p *parser) expression(minimum int) Expr {
	left := p.operand()
	for {
		t := p.peek()
		precedence, ok := infix[t.Text]
		if !ok || precedence < minimum || t.Word || t.String {
			return left
		}
		p.take()
		right := p.expression(precedence + 1)
		left = p.join(t, left, right)
		if next := p.peek(); infix[next.Text] == precedence &&
			(alone[precedence] || precedence == 3 && next.Text != t.Text) {
			p.fail(next, fmt.Sprintf("%s beside %s without parentheses", next.Text, t.Text))
		}
	}
}

func (p *parser) join(t tla.Token, left, right Expr) Expr {
	if t.Text != `/\` && t.Text != `\/` {
		return &binaryExpr{p.at(t), t.Text, left, right}
	}
	if list, ok := left.(*junctionExpr); ok && list.op == t.Text {
		return &junctionExpr{list.position, t.Text, append(list.items, right)}
	}
	return &junctionExpr{left.where(), t.Text, []Expr{left, right}}
}

func (p *parser) operand() Expr {
	t := p.peek()
	if t.String {
		p.take()
		return p.postfix(&stringExpr{p.at(t), strings.Trim(t.Text, `"`)})
	}
	if precedence, ok := prefix[t.Text]; ok {
		p.take()
		return &unaryExpr{p.at(t), t.Text, p.expression(precedence)}
	}
	switch t.Text {
	case `/\`, `\/`:
		return p.list(t)
	case `\A`, `\E`, "CHOOSE":
		p.take()
		bounds := p.bounds()
		p.expect(":")
		return &quantifierExpr{p.at(t), t.Text, bounds, p.expression(0)}
	case "IF":
		p.take()
		e := &ifExpr{position: p.at(t), condition: p.expression(0)}
		p.expect("THEN")
		e.then = p.expression(0)
		p.expect("ELSE")
		e.otherwise = p.expression(0)
		return e
	case "LET":
		return p.let()
	}
	return p.postfix(p.primary())
}

// list reads a junction list: its bullets stand in one column, and whatever stands at or left of it
// ends an item.
func (p *parser) list(first tla.Token) Expr {
	outer := p.column
	e := &junctionExpr{position: p.at(first), op: first.Text}
	for {
		p.column = outer
		if t := p.peek(); t.Text != first.Text || t.Column != first.Column {
			break
		}
		p.take()
		p.column = first.Column
		e.items = append(e.items, p.expression(0))
	}
	return e
}

func (p *parser) let() Expr {
	e := &letExpr{position: p.at(p.expect("LET"))}
	for {
		d := p.definition()
		d.Body = p.expression(0)
		e.definitions = append(e.definitions, d)
		if p.accept("IN") {
			break
		}
	}
	e.body = p.expression(0)
	return e
}

// bounds reads "x \in S, y, z \in T".
func (p *parser) bounds() []bound {
	var all []bound
	for {
		names := []string{p.word()}
		for p.accept(",") {
			names = append(names, p.word())
		}
		p.expect(`\in`)
		set := p.expression(infix[`\in`] + 1)
		for _, name := range names {
			all = append(all, bound{name, set})
		}
		if !p.accept(",") {
			return all
		}
	}
}

func (p *parser) postfix(e Expr) Expr {
	for {
		switch t := p.peek(); t.Text {
		case "'":
			p.take()
			e = &primeExpr{p.at(t), e}
		case "[":
			p.take()
			index := p.expression(0)
			p.expect("]")
			e = &indexExpr{p.at(t), e, index}
		default:
			return e
		}
	}
}

// primary reads what needs no precedence.
func (p *parser) primary() Expr {
	t := p.peek()
	switch t.Text {
	case "(":
		p.take()
		e := p.expression(0)
		p.expect(")")
		return e
	case "<<":
		p.take()
		return &tupleExpr{p.at(t), p.items(">>")}
	case "{":
		return p.set()
	case "[":
		return p.bracket()
	case "@":
		p.take()
		return &oldExpr{p.at(t)}
	}
	if !t.Word {
		p.unexpected()
	}
	if t.Text[0] >= '0' && t.Text[0] <= '9' {
		p.take()
		return &numberExpr{p.at(t), t.Text}
	}
	e := &nameExpr{position: p.at(t), name: p.word()}
	if p.accept("(") {
		e.args = p.items(")")
	}
	return e
}

// items reads "a, b)", with the closing token.
func (p *parser) items(closing string) []Expr {
	var all []Expr
	if p.accept(closing) {
		return all
	}
	for {
		all = append(all, p.expression(0))
		if p.accept(closing) {
			return all
		}
		p.expect(",")
	}
}

// set reads {…}.
func (p *parser) set() Expr {
	at := p.at(p.expect("{"))
	if p.peekAt(0).Word && p.peekAt(1).Text == `\in` {
		b := p.bounds()
		p.expect(":")
		e := &filterExpr{at, b[0], p.expression(0)}
		if len(b) > 1 {
			panic(&TranslationError{File: p.file, Line: at.line,
				What: "a set of several bound names"})
		}
		p.expect("}")
		return e
	}
	if p.accept("}") {
		return &setExpr{position: at}
	}
	first := p.expression(0)
	if p.accept(":") {
		e := &imageExpr{at, first, p.bounds()}
		p.expect("}")
		return e
	}
	if p.accept("}") {
		return &setExpr{at, []Expr{first}}
	}
	p.expect(",")
	return &setExpr{at, append([]Expr{first}, p.items("}")...)}
}

// bracket reads […].
func (p *parser) bracket() Expr {
	at := p.at(p.expect("["))
	if p.peekAt(0).Word && p.peekAt(1).Text == `\in` {
		name := p.word()
		p.expect(`\in`)
		set := p.expression(0)
		p.expect("|->")
		e := &functionExpr{at, bound{name, set}, p.expression(0)}
		p.expect("]")
		return e
	}
	first := p.expression(0)
	switch {
	case p.accept("->"):
		e := &functionsExpr{at, first, p.expression(0)}
		p.expect("]")
		return e
	case p.accept("EXCEPT"):
		return p.except(at, first)
	}
	p.expect("]")
	return &stepExpr{at, first, p.subscript()}
}

func (p *parser) except(at position, function Expr) Expr {
	e := &exceptExpr{position: at, function: function}
	for {
		p.expect("!")
		p.expect("[")
		c := change{index: p.expression(0)}
		p.expect("]")
		p.expect("=")
		c.value = p.expression(0)
		e.changes = append(e.changes, c)
		if !p.accept(",") {
			break
		}
	}
	p.expect("]")
	return e
}

// subscript reads what stands behind [A]: _name, or _<<a, b>>.
func (p *parser) subscript() Expr {
	t := p.take()
	name, ok := strings.CutPrefix(t.Text, "_")
	switch {
	case !ok || !t.Word:
		p.fail(t, "a step without a subscript")
	case name != "":
		return &nameExpr{position: p.at(t), name: name}
	}
	return p.primary()
}
