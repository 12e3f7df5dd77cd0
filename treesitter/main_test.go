package treesitter_test

import (
	"context"
	"log"
	"os"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

// config is what all runtimes of this test process are made with.
var config wazero.RuntimeConfig

// TestMain gives all runtimes one directory of compiled modules, so that each module is compiled
// once.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "treesitter")
	if err != nil {
		log.Fatal(err)
	}
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		log.Fatal(err)
	}
	config = linker.NewRuntimeConfig().WithCompilationCache(cache)
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// newLibrary links the stock library.
func newLibrary(t testing.TB) *treesitter.Library {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	t.Cleanup(func() { _ = rt.Close(ctx) })
	wasm, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		t.Fatal(err)
	}
	l, err := treesitter.New(ctx, rt, wasm, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// load loads a stock grammar: a language of the package tree-sitter-wasms, or a name for package
// stock.
func load(t testing.TB, l *treesitter.Library, grammar string) *treesitter.Language {
	t.Helper()
	wasm := read(t, grammar)
	g, err := l.Load(t.Context(), grammar, wasm)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func read(t testing.TB, grammar string) []byte {
	t.Helper()
	name := grammar
	if _, err := stock.Path(grammar); err != nil {
		name = stock.GrammarFile(grammar)
	}
	wasm, err := stock.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

// newParser links the stock library with a grammar.
func newParser(t testing.TB, grammar string) *treesitter.Parser {
	t.Helper()
	l := newLibrary(t)
	p, err := l.NewParser(t.Context(), load(t, l, grammar))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// parse returns a tree and its root.
func parse(t testing.TB, p *treesitter.Parser, source string,
	options ...treesitter.ParseOption) (*treesitter.Tree, treesitter.Node) {
	t.Helper()
	tree, err := p.Parse(t.Context(), source, options...)
	if err != nil {
		t.Fatal(err)
	}
	root, err := tree.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return tree, root
}

func sexp(t testing.TB, n treesitter.Node) string {
	t.Helper()
	s, err := n.SExpression(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
