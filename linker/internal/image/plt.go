package image

import "github.com/lockstep-wasm/lockstep/linker/internal/wasm"

// PLTEntry is a function that a module reaches through the PLT of its group: a private
// table, one entry for each, so that no function pointer is spent and the groups need not agree.
// The entry is null until the function is first called; then the group looks for it.
type PLTEntry struct {
	Index     uint32 // entry of the PLT
	Mod       *Module
	Namespace string // of the import
	Symbol    string
	Type      wasm.FuncType
	Target    *Function // known beforehand: a function of a module that is instantiated later
	Address   bool      // only its address is taken, so its signature is not known
	Mistaken  *Function // what was found when the module was loaded, of another signature
}
