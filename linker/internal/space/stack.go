package space

import "github.com/tetratelabs/wazero/api"

// setStackPointer notes the global that is the stack pointer of the group's modules. An executable
// that does not export its own keeps that to itself; the one that its libraries have is noted then.
func (sp *Space) setStackPointer(global api.Global) {
	sp.stackPointer, _ = global.(api.MutableGlobal)
}

// stackMark returns where the group's stack ends now.
func (sp *Space) stackMark() uint64 {
	if sp.stackPointer == nil {
		return 0
	}
	return sp.stackPointer.Get()
}

// stackReset puts the stack pointer back when a guest was stopped half-way and could not do so
// itself. Else its stack would be used up bit by bit.
func (sp *Space) stackReset(mark uint64) {
	if sp.stackPointer != nil {
		sp.stackPointer.Set(mark)
	}
}
