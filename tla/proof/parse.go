package proof

import (
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/tla"
)

// Module is a TLA+ module, together with those that it extends, as expressions.
type Module struct {
	// Name is the name of the module that was asked for.
	Name string
	// Constants and Variables are the declared names, in order.
	Constants, Variables []string
	// Assumptions are the expressions behind ASSUME, in order.
	Assumptions []Expr

	definitions map[string]*Definition
	tokens      []string
}

// Parse reads a specification. The part of TLA+ that it reads is the one in which LinkerSync is
// written; anything else is a [*TranslationError] with its line.
func Parse(spec *tla.Specification) (m *Module, err error) {
	defer catch(&err)
	m = &Module{Name: spec.Root.Name, definitions: map[string]*Definition{}}
	for _, part := range spec.Modules {
		if len(part.Instances) > 0 {
			panic(&TranslationError{File: part.Name + ".tla", What: "INSTANCE " +
				part.Instances[0]})
		}
		m.read(part)
	}
	return m, nil
}

// Definition returns the definition of a name; the error is a [*TranslationError].
func (m *Module) Definition(name string) (*Definition, error) {
	d, ok := m.definitions[name]
	if !ok {
		return nil, &TranslationError{File: m.Name + ".tla", What: "there is no definition of " +
			name}
	}
	return d, nil
}

// read adds the units of one module: what starts in the first column, up to the next one.
func (m *Module) read(part *tla.Module) {
	tokens := part.Tokens()
	file := part.Name + ".tla"
	for _, t := range tokens {
		m.tokens = append(m.tokens, t.Text)
	}
	for len(tokens) > 0 {
		end := 1
		for end < len(tokens) && tokens[end].Column > 1 {
			end++
		}
		p := &parser{file: file, tokens: tokens[:end]}
		m.unit(p)
		tokens = tokens[end:]
	}
}

func (m *Module) unit(p *parser) {
	switch first := p.peek(); first.Text {
	case "CONSTANT", "CONSTANTS":
		m.Constants = append(m.Constants, p.declarations()...)
	case "VARIABLE", "VARIABLES":
		m.Variables = append(m.Variables, p.declarations()...)
	case "ASSUME":
		p.take()
		m.Assumptions = append(m.Assumptions, p.all())
	default:
		if !first.Word {
			p.fail(first, "a unit that starts with "+first.Text)
		}
		d := p.definition()
		d.Body = p.all()
		if _, ok := m.definitions[d.Name]; ok {
			p.fail(first, "a second definition of "+d.Name)
		}
		m.definitions[d.Name] = d
	}
}

// parser reads the tokens of one unit. It panics with a [*TranslationError], which [Parse] catches.
type parser struct {
	file   string
	tokens []tla.Token
	// of the innermost junction list: whatever stands at or left of it ends the expression
	column int
}

func (p *parser) at(t tla.Token) position { return position{p.file, t.Line} }

func (p *parser) fail(t tla.Token, what string) {
	panic(&TranslationError{File: p.file, Line: t.Line, What: what})
}

// end is what peek returns where an expression must end.
const end = ""

func (p *parser) peek() tla.Token {
	if len(p.tokens) == 0 || p.tokens[0].Column <= p.column {
		return tla.Token{Text: end}
	}
	return p.tokens[0]
}

// peekAt is a later token, for decisions between forms that start alike.
func (p *parser) peekAt(i int) tla.Token {
	if i >= len(p.tokens) {
		return tla.Token{Text: end}
	}
	return p.tokens[i]
}

func (p *parser) take() tla.Token {
	t := p.peek()
	if t.Text == end {
		p.unexpected()
	}
	p.tokens = p.tokens[1:]
	return t
}

func (p *parser) unexpected() {
	if len(p.tokens) == 0 {
		panic(&TranslationError{File: p.file, What: "an expression that does not end"})
	}
	p.fail(p.tokens[0], fmt.Sprintf("%q, which was not expected here", p.tokens[0].Text))
}

func (p *parser) expect(text string) tla.Token {
	if p.peek().Text != text {
		p.unexpected()
	}
	return p.take()
}

// accept takes the token if it is there.
func (p *parser) accept(text string) bool {
	if p.peek().Text != text {
		return false
	}
	p.take()
	return true
}

func (p *parser) word() string {
	t := p.take()
	if !t.Word || slices.Contains(keywords, t.Text) {
		p.fail(t, fmt.Sprintf("%q in the place of a name", t.Text))
	}
	return t.Text
}

var keywords = []string{"IF", "THEN", "ELSE", "LET", "IN", "CHOOSE", "EXCEPT", "UNCHANGED",
	"DOMAIN", "SUBSET", "UNION", "ENABLED", "CASE", "OTHER", "INSTANCE", "LOCAL", "RECURSIVE",
	"THEOREM", "LAMBDA"}

// declarations reads "VARIABLES a, b".
func (p *parser) declarations() []string {
	p.take()
	names := []string{p.word()}
	for p.accept(",") {
		names = append(names, p.word())
	}
	p.nothingLeft()
	return names
}

// definition reads "Name(a, b) ==".
func (p *parser) definition() *Definition {
	d := &Definition{position: p.at(p.peek()), Name: p.word()}
	if p.accept("(") {
		d.Parameters = append(d.Parameters, p.word())
		for p.accept(",") {
			d.Parameters = append(d.Parameters, p.word())
		}
		p.expect(")")
	}
	p.expect("==")
	return d
}

// all reads the expression that is the rest of the unit.
func (p *parser) all() Expr {
	e := p.expression(0)
	p.nothingLeft()
	return e
}

func (p *parser) nothingLeft() {
	if len(p.tokens) > 0 {
		p.unexpected()
	}
}
