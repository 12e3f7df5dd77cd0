// Package guestabi has the functions by which guests use the linker: <dlfcn.h>, WASIX's interface
// for dynamic linking, and thread-spawn of wasi-threads. It reads arguments out of the memory,
// refuses what is not there, and turns errors into what C expects.
//
// It sees the group that calls as a [Process], and the memory as a [Memory]; it knows neither the
// linker nor the engine. A [Guest] belongs to the goroutine inside its group. [Handles] and the
// strings that guests have been given are shared by all groups, and each has a mutex.
package guestabi
