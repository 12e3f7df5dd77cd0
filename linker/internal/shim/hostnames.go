package shim

// Functions of the linker's own host module.
const (
	Safepoint = "safepoint" // () before a host function, when attention is up
	Exit      = "exit"      // (code) what WASI's proc_exit is to guests
	// (access, descriptor) -> whether it is about a standard stream, before every call of a WASI
	// function
	LockFDs       = "system"
	UnlockFDs     = "system_end"
	End           = "end"      // () what the main module's C library calls when the program ends
	EndWith       = "end_with" // (argument), the same for __cxa_atexit
	LockPolledFDs = "poll"     // (subscriptions, n) -> the same, before poll_oneoff

	// ProvidedPrefix marks functions that guests import from env and that the linker has when
	// neither a module nor the host has them. They are no safepoints: a guest's allocator calls
	// them. Of the other namespaces in which the linker has functions, the names are marked in the
	// same way.
	ProvidedPrefix = "env."
)
