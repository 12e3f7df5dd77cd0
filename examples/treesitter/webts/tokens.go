package webts

import (
	"context"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Token is a leaf of a syntax tree: a piece of the source text.
type Token struct {
	Start, End int      // where it is, in bytes
	Type       string   // its name in the grammar; of keywords and punctuation, the text
	Named      bool     // it is neither a keyword nor punctuation
	Parents    []string // the types of the nodes that it is in, from the root on
}

// Tokens returns the leaves of the syntax tree of a source text, in order. What is between them is
// white space, as a rule. Errors are those of [Parser.Parse].
func (p *Parser) Tokens(ctx context.Context, language *Language, source string) ([]Token, error) {
	var w *walk
	err := p.parse(ctx, language, source, func(ctx context.Context, tree uint32) error {
		w = &walk{p: p, tree: tree, language: language, offsets: offsets(source),
			names: map[uint32]string{}}
		if _, err := p.call(ctx, "ts_tree_root_node_wasm", tree); err != nil {
			return err
		}
		root, err := w.node(p.transfer)
		if err != nil {
			return err
		}
		return w.visit(ctx, root, nil)
	})
	if err != nil {
		return nil, err
	}
	return w.tokens, nil
}

// nodeWords is how large a node is that the library returns, in words: its identity, where it
// begins, in units, row and column, and what else the library knows it by.
const nodeWords = 5

// node is a node as the library returns it and takes it, through the transfer buffer.
type node [nodeWords]uint32

// walk goes through a tree.
type walk struct {
	p        *Parser
	tree     uint32
	language *Language
	offsets  []int             // in bytes, of each UTF-16 unit, and of the end
	names    map[uint32]string // of types
	tokens   []Token
}

// node reads a node.
func (w *walk) node(address uint32) (n node, err error) {
	for i := range n {
		word, ok := w.p.memory().ReadUint32Le(address + uint32(4*i))
		if !ok {
			return n, fmt.Errorf("webts: a node at %#x: %w", address, ErrNoTree)
		}
		n[i] = word
	}
	return n, nil
}

// ask calls a function of the library on a node.
func (w *walk) ask(ctx context.Context, n node, function string) (uint32, error) {
	for i, word := range n {
		if !w.p.memory().WriteUint32Le(w.p.transfer+uint32(4*i), word) {
			return 0, fmt.Errorf("webts: the transfer buffer: %w", ErrNoTree)
		}
	}
	return w.p.call(ctx, function, w.tree)
}

// typeOf is the name of a node's type.
func (w *walk) typeOf(ctx context.Context, n node) (string, error) {
	symbol, err := w.ask(ctx, n, "ts_node_symbol_wasm")
	if err != nil {
		return "", err
	}
	if name, ok := w.names[symbol]; ok {
		return name, nil
	}
	const errorSymbol = 1<<16 - 1 // text that the grammar does not know
	if symbol == errorSymbol {
		return "ERROR", nil
	}
	address, err := w.p.call(ctx, "ts_language_symbol_name", w.language.pointer, symbol)
	if err != nil {
		return "", err
	}
	name, err := w.p.cString(address)
	w.names[symbol] = name
	return name, err
}

// visit collects the leaves below a node.
func (w *walk) visit(ctx context.Context, n node, parents []string) error {
	name, err := w.typeOf(ctx, n)
	if err != nil {
		return err
	}
	children, err := w.children(ctx, n)
	if err != nil {
		return err
	}
	if len(children) == 0 {
		return w.leaf(ctx, n, name, parents)
	}
	parents = append(parents[:len(parents):len(parents)], name)
	for _, c := range children {
		if err := w.visit(ctx, c, parents); err != nil {
			return err
		}
	}
	return nil
}

// children returns the children of a node. The library allocates the list.
func (w *walk) children(ctx context.Context, n node) (list []node, err error) {
	if _, err := w.ask(ctx, n, "ts_node_children_wasm"); err != nil {
		return nil, err
	}
	count, _ := w.p.memory().ReadUint32Le(w.p.transfer)
	address, _ := w.p.memory().ReadUint32Le(w.p.transfer + 4)
	if count == 0 {
		return nil, nil
	}
	defer func() {
		_, errFree := w.p.call(ctx, "free", address)
		err = errors.Join(err, errFree)
	}()
	for i := range count {
		c, err := w.node(address + 4*nodeWords*i)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// leaf adds a token, unless it is one that the parser has made up.
func (w *walk) leaf(ctx context.Context, n node, name string, parents []string) error {
	named, err := w.ask(ctx, n, "ts_node_is_named_wasm")
	if err != nil {
		return err
	}
	end, err := w.ask(ctx, n, "ts_node_end_index_wasm")
	if err != nil {
		return err
	}
	last := uint32(len(w.offsets) - 1)
	from, to := w.offsets[min(n[1], last)], w.offsets[min(end, last)]
	if from < to {
		w.tokens = append(w.tokens, Token{from, to, name, named != 0, parents})
	}
	return nil
}

// offsets returns where each UTF-16 unit of a text begins, in bytes, and the text's length.
func offsets(source string) []int {
	var list []int
	for i, r := range source {
		list = append(list, i)
		if r > 0xffff && utf8.ValidRune(r) {
			list = append(list, i) // two units
		}
	}
	return append(list, len(source))
}
