package linker

// How an import is satisfied.
type bindingKind byte

const (
	bindFunction bindingKind = iota // by a function that is instantiated already
	bindLink                        // by a call through the link table
	bindPointer                     // GOT.func: by a function pointer
	bindData                        // GOT.mem: by an address
	bindConst                       // by a value that is known now
	bindMemoryBase
	bindTableBase
	bindMemory
	bindTable
	bindStackPointer
	bindGlobal      // by a global of another module
	bindThreadLocal // GOT.mem: by the address that thread-local data has in the group
	bindTag         // by a tag of another module
	// by a function that puts the halves of 64-bit arguments together, for one that is instantiated
	bindLegalised
)
