package linker

import "github.com/lockstep-wasm/lockstep/linker/internal/wasm"

// Check reports whether bytes are a WebAssembly module that the linker can read, which is the first thing that [Group.Open] and [New] do. It
// neither compiles the module nor looks at its imports, and it takes time and memory in proportion to its length, whatever is in
// it: wazero believes what a module says, so that some forty bytes can make its compiler ask for 32 GiB. Tools that hand modules of
// unknown origin to wazero themselves check them with it.
//
// The error says where in the module it is, and has the text of the cause of the *LoadError that loading it would give. Check may be called by any
// number of goroutines.
func Check(module []byte) error {
	_, err := wasm.Decode(module)
	return err
}
