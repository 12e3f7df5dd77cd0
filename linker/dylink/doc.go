// Package dylink reads what a WebAssembly shared library says about itself: how much memory
// and table it needs, which libraries it needs, where to look for them, and what is special
// about its exports and imports.
//
//	info, err := dylink.Read(file)
//	if errors.Is(err, dylink.ErrNotLibrary) {
//		// An ordinary executable, not a shared library or position-independent program.
//	}
//	fmt.Println(info.MemorySize, 1<<info.MemoryAlignment, info.Needed)
//
// It knows the custom section dylink.0 and the older dylink, which is still what many
// libraries in use have.
//
// Source: WebAssembly tool conventions, "WebAssembly Dynamic Linking" (DynamicLinking.md), and
// "WebAssembly Object File Linking" (Linking.md) for the symbol flags.
package dylink
