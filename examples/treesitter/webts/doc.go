// Package webts parses source text with the tree-sitter library and the grammars that npm has for it, as
// they come: WebAssembly modules, linked at run time, without cgo and without JavaScript.
package webts
