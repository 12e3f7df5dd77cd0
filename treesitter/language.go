package treesitter

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker"
)

// Language is a grammar that was loaded into a [Library], and what it says of itself.
type Language struct {
	lib      *Library
	module   *linker.Library
	address  uint32 // const TSLanguage *
	name     string
	abi      uint32
	metadata *Metadata
	states   int
	types    []nodeType // by symbol
	fields   []string   // by number; there is no field 0
}

// Metadata is the version of a grammar, as its authors count.
type Metadata struct{ Major, Minor, Patch int }

// nodeType is a type of nodes.
type nodeType struct {
	name           string
	named, visible bool
	subtypes       []uint16
	super          bool
}

// errorSymbol is the type of nodes that do not fit the grammar. No language lists it.
const errorSymbol = 1<<16 - 1

// Load loads a grammar. file is what errors call it. The module has one function "tree_sitter_" and
// the name of the language. The error is a [*LanguageError], or one of the linker's; the grammar is
// unloaded then.
func (l *Library) Load(ctx context.Context, file string, grammar []byte) (*Language, error) {
	var language *Language
	err := l.do(ctx, func(c *call) error {
		// Local: many scanners are written in C, with helpers of the same names.
		library, err := l.group.OpenBytes(c.ctx, file, grammar, linker.Local)
		if err != nil {
			return err
		}
		function, err := languageFunction(library)
		if err != nil {
			err = &LanguageError{File: file, Err: err}
		} else {
			language, err = l.language(c, file, library, function)
		}
		if err != nil {
			err = errors.Join(err, l.group.CloseLibrary(c.ctx, library))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return language, nil
}

// languageFunction finds the function that returns a module's language. It asks the linker, so that
// the file is read once.
func languageFunction(library *linker.Library) (string, error) {
	for _, x := range library.Symbols() {
		if x.Kind == linker.Function && strings.HasPrefix(x.Name, functionPrefix) &&
			!strings.Contains(x.Name, "external_scanner_") {
			return x.Name, nil
		}
	}
	return "", ErrNoLanguage
}

const functionPrefix = "tree_sitter_"

// language asks a grammar for its language, and reads what that says of itself.
func (l *Library) language(c *call, file string, library *linker.Library,
	function string) (*Language, error) {
	address, err := c.in(library, function)
	if err != nil {
		return nil, err
	}
	g := &Language{lib: l, module: library, address: address,
		name: strings.TrimPrefix(function, functionPrefix)}
	g.abi = c.call("ts_language_abi_version", address)
	if g.abi < l.oldest || g.abi > l.newest {
		return nil, &LanguageError{File: file, ABI: g.abi}
	}
	if at := c.call("ts_language_name", address); at != 0 {
		g.name = c.text(at)
	}
	g.states = int(c.call("ts_language_state_count", address))
	if c.call("ts_language_metadata_wasm", address); c.word(l.buffer) != 0 {
		w := c.words(l.buffer+4, 3)
		g.metadata = &Metadata{int(w[0]), int(w[1]), int(w[2])}
	}
	g.fields = make([]string, c.call("ts_language_field_count", address)+1)
	for i := range g.fields {
		if at := c.call("ts_language_field_name_for_id", address, uint32(i)); at != 0 {
			g.fields[i] = c.text(at)
		}
	}
	g.types = make([]nodeType, c.call("ts_language_symbol_count", address))
	for i := range g.types {
		if at := c.call("ts_language_symbol_name", address, uint32(i)); at != 0 {
			g.types[i].name = c.text(at)
		}
		g.types[i].named = c.call("ts_language_type_is_named_wasm", address, uint32(i)) != 0
		g.types[i].visible = c.call("ts_language_type_is_visible_wasm", address, uint32(i)) != 0
	}
	g.readSupertypes(c)
	return g, nil
}

// readSupertypes reads which types stand for others. The lists are the library's own.
func (g *Language) readSupertypes(c *call) {
	symbols := func(function string, args ...uint32) (list []uint16) {
		c.call(function, args...)
		c.list(2, false, func(b []byte) { list = append(list, binary.LittleEndian.Uint16(b)) })
		return list
	}
	for _, s := range symbols("ts_language_supertypes_wasm", g.address) {
		if int(s) < len(g.types) {
			g.types[s].super = true
			g.types[s].subtypes = symbols("ts_language_subtypes_wasm", g.address, uint32(s))
		}
	}
}

// Library returns the grammar's module, to look symbols up in it. It must not be closed.
func (g *Language) Library() *linker.Library { return g.module }

// Name returns the language's name. Older grammars have it in the name of their function only.
func (g *Language) Name() string { return g.name }

// ABI returns the version of the interface that the grammar was generated for.
func (g *Language) ABI() uint32 { return g.abi }

// Metadata returns the grammar's version; false if it does not say.
func (g *Language) Metadata() (m Metadata, ok bool) {
	if g.metadata == nil {
		return Metadata{}, false
	}
	return *g.metadata, true
}

// StateCount is how many states the parser has.
func (g *Language) StateCount() int { return g.states }

// TypeCount is how many types of nodes there are: symbols, from 0 on.
func (g *Language) TypeCount() int { return len(g.types) }

// typeOf returns a type; an empty one if there is none.
func (g *Language) typeOf(symbol uint16) nodeType {
	switch {
	case int(symbol) < len(g.types):
		return g.types[symbol]
	case symbol == errorSymbol:
		return nodeType{name: "ERROR", named: true, visible: true}
	}
	return nodeType{}
}

// TypeName returns the name of a type of nodes; "" if there is none of the number.
func (g *Language) TypeName(symbol uint16) string { return g.typeOf(symbol).name }

// TypeIsNamed reports whether a type is one of the grammar's rules.
func (g *Language) TypeIsNamed(symbol uint16) bool { return g.typeOf(symbol).named }

// TypeIsVisible reports whether there are nodes of a type.
func (g *Language) TypeIsVisible(symbol uint16) bool { return g.typeOf(symbol).visible }

// Supertypes lists the types that stand for several others.
func (g *Language) Supertypes() (list []uint16) {
	for i, t := range g.types {
		if t.super {
			list = append(list, uint16(i))
		}
	}
	return list
}

// Subtypes lists the types that a supertype stands for.
func (g *Language) Subtypes(super uint16) []uint16 { return slices.Clone(g.typeOf(super).subtypes) }

// FieldCount is how many names there are for children. The numbers begin at 1.
func (g *Language) FieldCount() int { return len(g.fields) - 1 }

// FieldName returns the name of a field; "" if there is none of the number.
func (g *Language) FieldName(id uint16) string {
	if int(id) < len(g.fields) {
		return g.fields[id]
	}
	return ""
}

// FieldID returns the number of a field; 0 if there is none of the name.
func (g *Language) FieldID(name string) uint16 {
	if name == "" {
		return 0
	}
	return uint16(max(slices.Index(g.fields, name), 0))
}

// Symbol returns the number of a type of nodes, named or not; false if there is none of the name.
func (g *Language) Symbol(ctx context.Context, name string, named bool) (symbol uint16, ok bool,
	err error) {
	err = g.lib.do(ctx, func(c *call) error {
		at, is := c.bytes(name), uint32(0)
		if named {
			is = 1
		}
		symbol = uint16(c.call("ts_language_symbol_for_name", g.address, at, uint32(len(name)), is))
		c.call("free", at)
		return nil
	})
	return symbol, symbol != 0, err
}

// NextState returns the parser's state behind a node of a type, if it was in a state before.
func (g *Language) NextState(ctx context.Context, state, symbol uint16) (next uint16, err error) {
	err = g.lib.do(ctx, func(c *call) error {
		next = uint16(c.call("ts_language_next_state", g.address, uint32(state), uint32(symbol)))
		return nil
	})
	return next, err
}

// Lookahead lists the types of nodes that may come in a state of the parser: [Node.ParseState] or
// [Node.NextParseState]. It is empty for a state that there is not.
func (g *Language) Lookahead(ctx context.Context, state uint16) (list []uint16, err error) {
	err = g.lib.do(ctx, func(c *call) error {
		it := c.call("ts_lookahead_iterator_new", g.address, uint32(state))
		if it == 0 {
			return nil
		}
		for c.call("ts_lookahead_iterator_next", it) != 0 {
			list = append(list, uint16(c.call("ts_lookahead_iterator_current_symbol", it)))
		}
		c.call("ts_lookahead_iterator_delete", it)
		return nil
	})
	return list, err
}
