package linker

import "github.com/lockstep-wasm/lockstep/linker/internal/wasm"

// Check reports whether bytes are a valid WebAssembly module within the limits that [Group.Open]
// has for libraries, which is the first thing that it looks at. Check validates all of the module
// but custom sections, whose contents do not matter to what it means. It neither compiles the
// module nor looks at who has its imports, and it takes time and memory in proportion to its
// length, whatever is in it.
//
// Tools that hand modules of unknown origin to wazero themselves check them with it: wazero
// believes what a module says, so that some forty bytes can make its compiler ask for 32 GiB. They
// leave the section "name" out besides, of which wazero believes as much; the linker writes it
// anew.
//
// The error says where in the module it is, and has the text of the cause of the *LoadError that
// loading it would give. Check may be called by any number of goroutines.
func Check(module []byte) error {
	_, err := wasm.Decode(module)
	return err
}
