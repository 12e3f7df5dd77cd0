// Package wasm reads, writes and rewrites WebAssembly binaries: what a linker has to know
// of a module, and the small modules that it generates.
//
//	m, err := wasm.Decode(file)
//	if err != nil {
//		return err // *wasm.FormatError with the byte offset and the section
//	}
//	for _, imp := range m.Imports {
//		fmt.Println(imp.Module, imp.Name, imp.Kind)
//	}
//
// [Decode] validates a module completely, with the bodies of its functions, against what the
// module itself has: so whatever is added to it later cannot be reached by an index of it. It
// accepts WebAssembly 2.0 with threads, tail calls, extended constant expressions and exception
// handling, also the older form of that; memory64, several memories, relaxed vector instructions,
// the garbage collection types and typed references are refused with [ErrUnsupported]. What
// a module may hold is limited: [ModuleLimits].
//
// [Builder] with [Code] writes modules. [Rewrite] copies a module with its data segments, memory or
// start function changed, and with code that counts or that waits elsewhere; every other byte but
// those of custom sections is as it was.
//
// Source: WebAssembly Core Specification 2.0, chapters 3 (validation) and 5
// (binary format).
package wasm
