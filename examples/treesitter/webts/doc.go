// Package webts parses source text with the tree-sitter library and the grammars that npm has for
// it, as they come: WebAssembly modules, linked while the program runs, without cgo and without
// JavaScript.
//
//	err := webts.InstantiateHost(ctx, rt)              // what the library imports
//	parser, err := webts.New(ctx, rt, library)         // web-tree-sitter.wasm is the main module
//	json, err := parser.Load(ctx, "json", grammar)     // tree-sitter-json.wasm is a side module
//	tree, err := parser.Parse(ctx, json, `{"a": 1}`)   // (document (object …
//	fmt.Print(webts.Indent(tree))
//
// The steps of the C API, and the host functions, are those of lib/binding_web in the tree-sitter
// project.
//
// It is for this project, and promises nothing to other modules.
package webts
