// Package treesitter parses source text with the tree-sitter library and the grammars that npm has
// for it, as they come: WebAssembly modules, linked while the program runs, without cgo and without
// JavaScript.
//
//	lib, err := treesitter.New(ctx, rt, wasm, nil)           // web-tree-sitter.wasm
//	golang, err := lib.Load(ctx, "tree-sitter-go.wasm", grammar)
//	parser, err := lib.NewParser(ctx, golang)
//	tree, err := parser.Parse(ctx, "package p\n")
//	root, err := tree.Root(ctx)
//	for _, n := range root.NamedChildren() {
//		fmt.Println(n.Type(), n.Start(), n.Text())
//	}
//
// A tree is edited, and parsed again, in which all that did not change is used again:
//
//	edited, err := tree.Edit(ctx, treesitter.InputEdit{Start: 8, OldEnd: 9, Text: "main"})
//	next, err := parser.Parse(ctx, edited.Source(), treesitter.After(edited))
//	ranges, err := edited.ChangedRanges(ctx, next)
//
// and asked with queries:
//
//	query, err := golang.NewQuery(ctx, `((identifier) @name (#match? @name "^[A-Z]"))`)
//	captures, err := query.Captures(ctx, root)
//
// Offsets and columns are in bytes of the source text, rows and columns begin at 0. A source text
// is a string; bytes that are not UTF-8 are, to a grammar, the character U+FFFD each.
//
// Trees, nodes, cursors and languages are Go values that do not change: any number of goroutines
// may use them, also after the library was closed. What takes a context asks the library, which was
// built without threads: such calls take turns. Parsers, trees and queries take memory in the
// library until they are closed, or found by the garbage collector.
//
// The calls and the buffers are those of lib/binding_web in the tree-sitter project.
package treesitter
