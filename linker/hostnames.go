package linker

// Functions of the linker's own host module.
const (
	hostSafepoint = "safepoint" // () before a host function, when attention is up
	hostLazy      = "lazy"      // (entry) fills an entry of the link table
	hostExit      = "exit"      // (code) what WASI's proc_exit is to guests
	// (access, descriptor) -> whether it is about a standard stream, before every call of a WASI
	// function
	hostSystem    = "system"
	hostSystemEnd = "system_end"
	hostEnd       = "end"      // () what the main module's C library calls when the program ends
	hostEndWith   = "end_with" // (argument), the same for __cxa_atexit
	hostPoll      = "poll"     // (subscriptions, n) -> the same, before poll_oneoff

	// providedPrefix marks functions that guests import from env and that the linker has when
	// neither a module nor the host has them. They are no safepoints: a guest's allocator calls
	// them. Of the other namespaces in which the linker has functions, the names are marked in the
	// same way.
	providedPrefix = "env."
)
