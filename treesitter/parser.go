package treesitter

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
)

// Parser parses texts of one language. It may be used by any number of goroutines, which take
// turns.
type Parser struct {
	lib      *Library
	language *Language
	address  uint32 // TSParser *
	input    uint32 // the library's read buffer
	give     *given
}

// NewParser makes a parser for a language of this library.
func (l *Library) NewParser(ctx context.Context, language *Language) (*Parser, error) {
	if language.lib.image != l.image {
		return nil, ErrForeign
	}
	var p *Parser
	err := l.do(ctx, func(c *call) error {
		c.call("ts_parser_new_wasm")
		p = &Parser{lib: l, language: language, address: c.word(l.buffer),
			input: c.word(l.buffer + 4)}
		p.give = lend(l.image, p, handle{"ts_parser_delete", p.address, p.input})
		c.call("ts_parser_set_language", p.address, language.address)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return p, nil
}

// Language returns the parser's language.
func (p *Parser) Language() *Language { return p.language }

// Close gives back what the parser takes in the library.
func (p *Parser) Close(ctx context.Context) error { return p.give.close(ctx, p.lib) }

// ParseOption changes how [Parser.Parse] parses a text.
type ParseOption func(*parsing)

type parsing struct {
	old    *Tree
	ranges []Range
	log    func(message string)
}

// After parses in the light of a tree that was parsed from the text before, and then edited as the
// text was ([Tree.Edit]): its nodes are used again where nothing changed.
func After(edited *Tree) ParseOption { return func(p *parsing) { p.old = edited } }

// Within parses parts of the text only, and leaves out what is between them: the scripts of a page
// for instance. The ranges must be in order and must not overlap. Without any, all is parsed. The
// offsets count; points are ignored.
func Within(ranges ...Range) ParseOption { return func(p *parsing) { p.ranges = ranges } }

// Log calls a function with what the parser says of its steps. The function must not use the
// library.
func Log(f func(message string)) ParseOption { return func(p *parsing) { p.log = f } }

// Parse returns the tree of a source text. Text that does not fit the grammar is an ERROR node of
// the tree, not an error. A context that ends stops the parser.
func (p *Parser) Parse(ctx context.Context, source string, options ...ParseOption) (*Tree, error) {
	var o parsing
	for _, option := range options {
		option(&o)
	}
	u := newUnits(source)
	ranges, err := o.words(source, u)
	if err != nil {
		return nil, err
	}
	if o.old != nil && (o.old.lib.image != p.lib.image || o.old.language != p.language) {
		return nil, ErrForeign
	}
	defer runtime.KeepAlive(p)
	defer runtime.KeepAlive(o.old)
	var tree *Tree
	in := &input{text: newText(source), log: o.log}
	err = p.lib.doWith(ctx, in, func(c *call) error {
		var old uint32
		if o.old != nil {
			if o.old.give.closed() {
				return ErrClosed
			}
			old = o.old.address
		}
		if p.give.closed() {
			return ErrClosed
		}
		address := p.parse(c, old, ranges, o.log != nil)
		if address == 0 {
			return cmp.Or(context.Cause(ctx), ErrNoTree)
		}
		tree = newTree(p.lib, p.language, source, u, address)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return tree, nil
}

// parse returns a TSTree, or 0 if the parser was stopped: it begins at the beginning next time.
func (p *Parser) parse(c *call, old uint32, ranges []uint32, log bool) uint32 {
	var at uint32
	if len(ranges) > 0 {
		at = c.malloc(4 * len(ranges)) // which the library gives back
		c.put(at, ranges...)
	}
	var logs uint32
	if log {
		logs = 1
	}
	c.call("ts_parser_enable_logger_wasm", p.address, logs)
	tree := c.call("ts_parser_parse_wasm", p.address, p.input, old, at,
		uint32(len(ranges)*4/rangeSize))
	if tree == 0 {
		c.call("ts_parser_reset", p.address)
	}
	return tree
}

// words are the ranges as the library takes them.
func (o *parsing) words(source string, u units) (list []uint32, err error) {
	last := 0
	for _, r := range o.ranges {
		if r.Start < last || r.End < r.Start || r.End > len(source) {
			return nil, fmt.Errorf("%w: from %d to %d of %d bytes, behind %d", ErrRange, r.Start,
				r.End, len(source), last)
		}
		last = r.End
		from, to := u.pointAt(source, r.Start), u.pointAt(source, r.End)
		list = append(list, from[0], from[1], to[0], to[1], u.unitOf(r.Start), u.unitOf(r.End))
	}
	return list, nil
}
