// Package linker is a dynamic linker for WebAssembly on wazero: dlopen, dlsym and dlclose for
// shared libraries that clang, Emscripten and others build, in one address space, with threads that
// all see the same code.
//
//	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
//	defer rt.Close(ctx)
//	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithFS(os.DirFS("lib")))
//	if err != nil {
//		return err
//	}
//	defer l.Close(ctx)
//	g := l.Main()
//	lib, err := g.Open(ctx, "libexample.wasm")
//	if err != nil {
//		return err
//	}
//	results, err := g.Call(ctx, lib, "example", 42)
//
// # The process image
//
// A [Linker] holds one program: a main module, either position-independent with a dylink.0 section
// or an ordinary executable, the libraries loaded into it, and one linear memory. Its threads are
// instance groups: a [Group] has its own instance of every module, its own function table, globals
// and stack. [Linker.Main] is the first one, [Group.Spawn] makes another. A group runs when a
// goroutine calls into it, and one goroutine at a time is inside. The linker starts no goroutines
// but those of threads that the guest starts.
//
// A function pointer is an index into the function table, and travels between threads through
// memory. So whatever changes tables (loading and unloading libraries, making a pointer for a
// function, more closure entries) is a link operation: one group leads it, and all others replay it
// before anybody goes on. A group in which nobody is holds up nobody; one whose guest is running is
// waited for until it comes to a safepoint, which every call of a host function is, and every round
// of a loop with [Config.WithLoopSafepoints]. A host function that waits does so within
// [Group.Block]. Package coord is that protocol, and the specification in spec/ explains it.
//
// Groups of a main module that was built without threads share a heap without locks, so they take
// turns: a call from Go into one of them waits until no other is inside a guest; see
// [Config.WithParallelGroups].
//
// # Symbols
//
// A name is looked for in the main module, then in the libraries of the global scope in the order
// in which they came into it (those of [Config.WithPreload] first, each before those that it
// needs), then, if the library that imports it was opened as [Local], in its load group (what was
// opened together with it: the library that was opened, and all that this needs, breadth first),
// then among the functions of the host's module "env". A library that several openings need belongs
// to each of their groups. The first definition wins for everybody, also for a library that imports
// its own exports; [Next] finds those behind it.
//
// Data that nobody has makes loading fail, unless the import is weak: then it is null, and so is a
// weak function's pointer. A function that nobody has, or that has another signature than its
// importer believes, fails when it is called, also through its pointer: with an
// [*UndefinedSymbolError], or a [*SymbolError] that tells both signatures, unless a library that
// was loaded meanwhile has it; [Now] makes it fail at once. Apart from such functions nothing that
// is bound is bound again: what a library found when it was loaded it keeps, and keeps loaded. A
// weak import that was null stays null.
//
// Thread-local data has an address of its own in every group, which [Group.Symbol] gives, and
// libraries that were built for Emscripten's threads can use each other's. Mutable globals are each
// group's own, too, and shared by its modules. An exception tag that nobody defines (__c_longjmp,
// __cpp_exception) is one for the whole image, so that what one library throws another one catches.
// [Linker.Addr] and [Linker.Modules] say what is where.
//
// # Closing
//
// [Group.CloseLibrary] unloads what nobody has a handle of, needs or is bound to any more, after
// its destructors have run. What compilers register with __cxa_atexit, and C with atexit, belongs
// to the library that registers it, whatever the main module exports by these names. Those of the
// main module are kept by its C library, or, if it has no __cxa_atexit, by the linker. When the
// program ends, by an exit, by the end of [Linker.Run] or by [Linker.Close], the C library runs
// what it has, then what libraries have registered runs, the last one loaded first, and then
// streams are flushed. A guest that leaves by _Exit has nothing run.
//
// Destructors of thread-local data, which C++ registers with __cxa_thread_atexit, belong to the
// group and to the library that register them. They run, the last one first, when the group closes
// normally: by [Group.Close], at the end of a guest's thread, or by [Linker.Close] for groups that
// Go has spawned; not when a trap or an exit has ended the group. A library that is closed has
// those of the closing group run; if other groups have some, it stays loaded until those groups
// have closed.
//
// A handle that was given up is an error for ever. A function pointer is a number, so one into a
// library that is gone can only trap for as long as its table entry is null. It is, until that very
// library is loaded again, whose functions get the entries that they had, or until enough other
// entries were given back; see [Config.WithPointerQuarantine]. An address of data can be told from
// a valid one by nobody.
//
// # Host functions
//
// Functions of the host are ordinary wazero host modules, instantiated in the same runtime before
// [New], or before the library that needs them; WASI is instantiated by the linker, for this image
// alone, if a guest needs it and it is not there. Several linkers can be made in one runtime, also
// at the same time. The api.Module that a host function gets has the image's memory, and no
// exports; [GroupFromContext] has the group. Calls back into the group must use the function's
// context. The function is called from several goroutines when there are several groups; so are the
// streams and file systems of [Config.WithModuleConfig], and WASI's file descriptors are those of
// the whole image.
//
// # What guests can import
//
// A guest loads libraries itself by dlopen, dlsym, dlclose, dlerror and dladdr, imported from "env"
// with C's signatures; include/lockstep/dlfcn.h declares them. WASIX's functions for this and for
// closures are in "wasix_32v1". They are there unless a module, or the host, defines functions of
// these names.
//
// thread-spawn in "wasi" starts a thread: a group with a goroutine of its own, in which the guest's
// wasi_thread_start runs. [Linker.Wait] waits for all of them, and [Linker.Close] ends them: at
// their next call of the host, or in their wait. What computes for ever without either can be ended
// by nobody, unless it was loaded with [Config.WithLoopSafepoints], or the runtime closes modules
// with their context (wazero's WithCloseOnContextDone; the group of such a call is closed then). A
// thread that traps ends alone; an exit anywhere ends the image once there has been a thread.
//
// The instructions memory.atomic.wait and notify are the linker's in every module that has them: a
// group that waits is parked, and its wait ends with the context of the call, with the group, or
// with the linker. [Linker.Notify] is for hosts that wake guests.
//
// # Failure
//
// Loading is a transaction: whatever fails, up to a trap in the last constructor, the image is as
// it was before, in all groups, and the linker goes on working. Errors are typed; see [LoadError].
// If an operation can be neither completed nor taken back the image is poisoned: every later call
// returns an error that wraps [ErrPoisoned] and the first cause. A table does not shrink and a
// memory neither: what an operation that failed had added to them is free for the next one.
package linker
