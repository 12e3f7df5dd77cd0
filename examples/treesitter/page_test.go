package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/treesitter/webts"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
)

// The page begins here.
func syntaxTree(ctx context.Context, treeSitter, grammar []byte, source string) (string, error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	// what web-tree-sitter imports from its host
	if err := webts.InstantiateHost(ctx, rt); err != nil {
		return "", err
	}
	// linker.New: web-tree-sitter.wasm is the main module
	parser, err := webts.New(ctx, rt, treeSitter)
	if err != nil {
		return "", err
	}
	// another instance group, with the same memory and function pointers
	thread, err := parser.Linker().Main().Spawn(ctx)
	if err != nil {
		return "", err
	}
	// Group.OpenBytes: the grammar is linked in both groups
	golang, err := parser.Load(ctx, "go", grammar)
	if err != nil {
		return "", err
	}
	return parser.In(thread).Parse(ctx, golang, source)
}

// The page ends here.

// The code in docs/embedding.md is this code, and it works.
func TestEmbeddingPage(t *testing.T) {
	self, err := os.ReadFile("page_test.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../docs/embedding.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(self), "// The page begins here.\n")
	code, _, _ = strings.Cut(code, "// The page ends here.\n")
	if !strings.Contains(string(page), strings.TrimSpace(code)) {
		t.Error("docs/embedding.md has other code than this file")
	}
	treeSitter, err := stock.Read(stock.WebTreeSitter)
	if err != nil {
		t.Fatal(err)
	}
	grammar, err := stock.Read(stock.GrammarFile("go"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := syntaxTree(t.Context(), treeSitter, grammar, "package p\n")
	if want := "(source_file (package_clause (package_identifier)))"; err != nil || tree != want {
		t.Errorf("tree %q, error %v, want %q", tree, err, want)
	}
}
