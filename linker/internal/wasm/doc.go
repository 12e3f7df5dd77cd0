// Package wasm reads, writes and rewrites WebAssembly binaries: what a linker has to know
// of a module, and the small modules that it generates. It does not look into function
// bodies; the engine validates those.
//
//	m, err := wasm.Decode(file)
//	if err != nil {
//		return err // *wasm.FormatError with the byte offset and the section
//	}
//	for _, imp := range m.Imports {
//		fmt.Println(imp.Module, imp.Name, imp.Kind)
//	}
//
// [Decode] checks everything outside the bodies: section order and sizes, integers, names,
// index ranges, the types of constant expressions. It accepts WebAssembly 2.0 with threads,
// extended constant expressions and exception handling tags; memory64, the garbage
// collection types and typed references are refused with [ErrUnsupported].
//
// [Builder] with [Code] writes modules. [Rewrite] copies a module with its data segments,
// memory, start function or table limits changed, and every other byte as it was.
//
// Source: WebAssembly Core Specification 2.0, chapter 5 (binary format).
package wasm
