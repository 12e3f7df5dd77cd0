package webts_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/treesitter/webts"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
)

const small, smallTree = "package p\n", "(source_file (package_clause (package_identifier)))"

// largeFunctions functions fill many read buffers, with characters of one, two and four bytes.
const largeFunctions = 3000

func large() string {
	return small + strings.Repeat("func f() string { return \"größe 😀\" }\n", largeFunctions)
}

// newParser returns a parser with the Go grammar.
func newParser(t *testing.T) (*webts.Parser, *webts.Language) {
	t.Helper()
	ctx := t.Context()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	if err := webts.InstantiateHost(ctx, rt); err != nil {
		t.Fatal(err)
	}
	library, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		t.Fatal(err)
	}
	parser, err := webts.New(ctx, rt, library)
	if err != nil {
		t.Fatal(err)
	}
	grammar, err := stock.Read(stock.GrammarFile("go"))
	if err != nil {
		t.Fatal(err)
	}
	language, err := parser.Load(ctx, "go", grammar)
	if err != nil {
		t.Fatal(err)
	}
	return parser, language
}

// TestOneParserManyTexts uses one process image again and again, and no text leaves a trace in the
// next one.
func TestOneParserManyTexts(t *testing.T) {
	parser, language := newParser(t)
	for _, tt := range []struct {
		name, source string
		ok           func(tree string) bool
	}{
		{"large", large(), func(tree string) bool {
			return strings.Count(tree, "(function_declaration ") == largeFunctions &&
				!strings.Contains(tree, "ERROR")
		}},
		{"small", small, func(tree string) bool { return tree == smallTree }},
		{"no Go", "func ) (", func(tree string) bool { return strings.Contains(tree, "ERROR") }},
		{"empty", "", func(tree string) bool { return tree == "(source_file)" }},
		{"small again", small, func(tree string) bool { return tree == smallTree }},
	} {
		tree, err := parser.Parse(t.Context(), language, tt.source)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if !tt.ok(tree) {
			t.Errorf("%s: a tree of %d bytes: %.200s", tt.name, len(tree), tree)
		}
	}
}

// endingContext ends when it is looked at for the n-th time.
type endingContext struct {
	context.Context
	looks, n int
}

func (c *endingContext) Err() error {
	if c.looks++; c.looks >= c.n {
		return context.Canceled
	}
	return nil
}

// TestCancelAtEveryLook cancels a parse at the first, second, … look at its context, among them
// many in the middle of the text. The parser is usable afterwards.
func TestCancelAtEveryLook(t *testing.T) {
	parser, language := newParser(t)
	source := large()
	for n := 1; n <= 30; n++ {
		ctx := &endingContext{Context: t.Context(), n: n}
		if tree, err := parser.Parse(ctx, language, source); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at look %d: a tree of %d bytes, error %v", n, len(tree), err)
		}
		if tree, err := parser.Parse(t.Context(), language, small); err != nil ||
			tree != smallTree {
			t.Fatalf("after a parse cancelled at look %d: tree %s, error %v", n, tree, err)
		}
	}
}

// TestLoadThatFails loads what lacks the function of its language, what is too old, and what is no
// library, and then what can be used.
func TestLoadThatFails(t *testing.T) {
	parser, language := newParser(t)
	read := func(name string) []byte {
		t.Helper()
		wasm, err := stock.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		return wasm
	}
	json, elm := read(stock.GrammarFile("json")), read(stock.GrammarFile("elm"))
	for range 3 {
		var undefined *linker.UndefinedSymbolError
		if _, err := parser.Load(t.Context(), "xml", json); !errors.As(err, &undefined) ||
			undefined.Symbol != "tree_sitter_xml" {
			t.Errorf("another name: error %v, want that tree_sitter_xml is undefined", err)
		}
		var refused *webts.LanguageError
		if _, err := parser.Load(t.Context(), "elm", elm); !errors.As(err, &refused) ||
			refused.ABI != 12 {
			t.Errorf("too old: error %v, want a refusal of version 12", err)
		}
		if _, err := parser.Load(t.Context(), "c", read(stock.TLAChecker)); !errors.Is(err,
			linker.ErrNotLibrary) {
			t.Errorf("no library: error %v, want %v", err, linker.ErrNotLibrary)
		}
	}
	if tree, err := parser.Parse(t.Context(), language, small); err != nil || tree != smallTree {
		t.Errorf("afterwards: tree %s, error %v", tree, err)
	}
	second, err := parser.Load(t.Context(), "json", json)
	if err != nil {
		t.Fatal(err)
	}
	if tree, err := parser.Parse(t.Context(), second, "[]"); err != nil ||
		tree != "(document (array))" {
		t.Errorf("second language: tree %s, error %v", tree, err)
	}
	if tree, err := parser.Parse(t.Context(), language, small); err != nil || tree != smallTree {
		t.Errorf("first language again: tree %s, error %v", tree, err)
	}
	if err := parser.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := parser.Parse(t.Context(), language, small); !errors.Is(err, linker.ErrClosed) {
		t.Errorf("after Close: error %v, want %v", err, linker.ErrClosed)
	}
}
