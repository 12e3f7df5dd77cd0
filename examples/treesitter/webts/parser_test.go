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

// TestOneParserManyTexts uses one process image again and again, and no text leaves a trace in the next one.
func TestOneParserManyTexts(t *testing.T) {
	parser, language := newParser(t)
	for _, tt := range []struct {
		name, source string
		ok           func(tree string) bool
	}{
		{"large", large(), func(tree string) bool {
			return strings.Count(tree, "(function_declaration ") == largeFunctions && !strings.Contains(tree, "ERROR")
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

// TestCancelAtEveryLook cancels a parse at the first, second, … look at its context, among them many in the
// middle of the text. The parser is usable afterwards.
func TestCancelAtEveryLook(t *testing.T) {
	parser, language := newParser(t)
	source := large()
	for n := 1; n <= 30; n++ {
		ctx := &endingContext{Context: t.Context(), n: n}
		if tree, err := parser.Parse(ctx, language, source); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled at look %d: a tree of %d bytes, error %v", n, len(tree), err)
		}
		if tree, err := parser.Parse(t.Context(), language, small); err != nil || tree != smallTree {
			t.Fatalf("after a parse cancelled at look %d: tree %s, error %v", n, tree, err)
		}
	}
}

// TestGrammarOfAnotherName loads a library that lacks the function of the language.
func TestGrammarOfAnotherName(t *testing.T) {
	parser, language := newParser(t)
	grammar, err := stock.Read(stock.GrammarFile("json"))
	if err != nil {
		t.Fatal(err)
	}
	var undefined *linker.UndefinedSymbolError
	if _, err := parser.Load(t.Context(), "xml", grammar); !errors.As(err, &undefined) || undefined.Symbol != "tree_sitter_xml" {
		t.Errorf("error %v, want that tree_sitter_xml is undefined", err)
	}
	if tree, err := parser.Parse(t.Context(), language, small); err != nil || tree != smallTree {
		t.Errorf("afterwards: tree %s, error %v", tree, err)
	}
}
