package main

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

// The page begins here.
func syntaxTree(ctx context.Context, treeSitter, grammar []byte, source string) (string, error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer rt.Close(ctx)
	// linker.New: web-tree-sitter.wasm is the main module
	lib, err := treesitter.New(ctx, rt, treeSitter, nil)
	if err != nil {
		return "", err
	}
	// another instance group, with the same memory and function pointers
	thread, err := lib.Linker().Main().Spawn(ctx)
	if err != nil {
		return "", err
	}
	// Group.OpenBytes: the grammar is linked in both groups
	golang, err := lib.Load(ctx, "tree-sitter-go.wasm", grammar)
	if err != nil {
		return "", err
	}
	parser, err := lib.In(thread).NewParser(ctx, golang)
	if err != nil {
		return "", err
	}
	tree, err := parser.Parse(ctx, source)
	if err != nil {
		return "", err
	}
	root, err := tree.Root(ctx)
	if err != nil {
		return "", err
	}
	return root.SExpression(ctx)
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
