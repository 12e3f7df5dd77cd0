// Package synth writes shared libraries from descriptions instead of from C: what a test of a
// linker needs when it wants hundreds of libraries that differ in whom they need, what they define,
// and how they reach what others define.
//
//	lib := synth.Library{
//		Name:      "libone.wasm",
//		Functions: []synth.Function{{Exports: []string{"one"}, Base: 1}},
//	}
//	file, err := lib.Encode()
//
// A [Library] is data, so that the judge of a linker can compute from the description, without a
// look at the binary, what each function has to return. What it is written as is what clang and
// wasm-ld write for position-independent code: a dylink.0 section, imports from env, GOT.mem and
// GOT.func, relocations in __wasm_apply_data_relocs, constructors in __wasm_call_ctors,
// thread-local storage by __wasm_init_tls.
//
// Source: the tool conventions for dynamic linking
// (https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md).
//
// It is for this project, and promises nothing to other modules.
package synth
