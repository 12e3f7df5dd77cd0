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
// A [Linker] holds one program: a main module, the libraries loaded into it, and one linear memory.
// The main module is either position-independent, with a dylink.0 section, or an ordinary
// executable. The program's threads are instance groups. A [Group] has its own instance of every
// module, its own function table, globals and stack. [Linker.Main] is the first group, and
// [Group.Spawn] makes another. A group runs when a goroutine calls into it, and one goroutine at a
// time is inside. The linker starts no goroutines but those of threads that the guest starts, and
// those that compile and read libraries within a deadline.
//
// A function pointer is an index into the function table, and travels between threads through
// memory. So a change of tables is a link operation: loading or unloading libraries, making a
// pointer for a function, adding entries for closures. One group leads the operation, and all
// others replay it before any of them goes on.
//
// An idle group delays no other. A group that is running guest code delays a link operation until
// it reaches a safepoint. Every call of a host function is one; with [Config.WithLoopSafepoints],
// so is every round of a loop. A host function that waits does so within [Group.Block]. Package
// coord is that protocol, and the specification in spec/ explains it.
//
// Groups of a main module that was built without threads share a heap without locks, so they take
// turns. A call from Go into one of them waits until no other is inside a guest; see
// [Config.WithParallelGroups].
//
// # Symbols
//
// A name is looked for in this order:
//
//   - the main module;
//   - the libraries of the global scope, in the order in which they came into it: those of
//     [Config.WithPreload] first, each before those that it needs;
//   - if the importing library was opened as [Local], its load group: the library that was opened,
//     and all that it needs, breadth first;
//   - the functions of the host's module "env".
//
// A library that several openings need belongs to each of their groups. The first definition wins,
// also for a library that imports its own exports; [Next] finds those behind it.
//
// An undefined data symbol makes the load fail; a weak one resolves to null, and so does the
// pointer of a weak function. A function that is undefined, or that has another signature than its
// importer believes, fails when it is called, also through its pointer. The error is an
// [*UndefinedSymbolError], or a [*SymbolError] with both signatures. If a library that was loaded
// meanwhile defines the function, the call succeeds. [Now] makes an undefined function fail at
// once.
//
// All other bindings are final. A library keeps the definitions that it was bound to, and the
// modules that own them stay loaded. A weak import that was null stays null.
//
// Thread-local data has an address of its own in every group, which [Group.Symbol] gives. Libraries
// that were built for Emscripten's threads can use each other's. Each group also has its own
// mutable globals, which its modules share. An undefined exception tag (__c_longjmp,
// __cpp_exception) is made once for the whole image, so that one library catches what another
// throws. [Linker.Addr] and [Linker.Modules] tell which module is where.
//
// # Closing
//
// [Group.CloseLibrary] unloads the libraries that are not needed any more: without a handle, and
// without a module that needs them or is bound to them. Their destructors run before that. A
// destructor that compilers register with __cxa_atexit, or C with atexit, belongs to the library
// that registers it, even if the main module exports functions of these names. The main module's
// destructors are kept by its C library, or, if it has no __cxa_atexit, by the linker.
//
// A program ends by an exit, by the end of [Linker.Run] or by [Linker.Close]. Then the C library
// runs its handlers, then the destructors of libraries run, the last one loaded first, and then
// streams are flushed. A guest that leaves by _Exit has nothing run.
//
// Destructors of thread-local data, which C++ registers with __cxa_thread_atexit, belong to the
// group and to the library that register them. They run, the last one first, when the group closes
// normally: by [Group.Close], at the end of a guest's thread, or by [Linker.Close] for groups that
// Go has spawned. They do not run if a trap or an exit has ended the group. A library that is
// closed has those of the closing group run. If other groups have some, it stays loaded until those
// groups have closed.
//
// A handle that was given up is an error for ever. A function pointer is a number, so a pointer
// into an unloaded library can only trap as long as its table entry is null. The entry stays null
// until that very library is loaded again, whose functions get the entries that they had, or until
// enough other entries were given back; see [Config.WithPointerQuarantine]. A stale data address
// cannot be told from a valid one.
//
// # Host functions
//
// Functions of the host are ordinary wazero host modules. They are instantiated in the same runtime
// before [New], or before the library that needs them. The linker instantiates WASI itself, for
// this image alone, if a guest needs it and the runtime has none. Several linkers can be made in
// one runtime, also at the same time.
//
// The api.Module that a host function gets has the image's memory, and no exports.
// [GroupFromContext] returns the group. Calls back into the group must use the function's context.
// With several groups, several goroutines call the function, and use the streams and file systems
// of [Config.WithModuleConfig]. WASI's file descriptors are those of the whole image.
//
// # What guests can import
//
// A guest loads libraries itself by dlopen, dlsym, dlclose, dlerror and dladdr. It imports them
// from "env" with C's signatures; include/lockstep/dlfcn.h declares them. WASIX's functions for
// this and for closures are in "wasix_32v1". A module, or the host, may define functions of these
// names instead.
//
// thread-spawn in "wasi" starts a thread: a group with a goroutine of its own, in which the guest's
// wasi_thread_start runs. [Linker.Wait] waits for all threads. [Linker.Close] ends them at their
// next call of the host, or in their wait. A thread that computes for ever without either can be
// ended in two cases only: it was loaded with [Config.WithLoopSafepoints], or the runtime closes
// modules with their context (wazero's WithCloseOnContextDone; the group of such a call is closed
// then). A thread that traps ends alone; an exit anywhere ends the image once there has been a
// thread.
//
// The linker replaces the instructions memory.atomic.wait and notify in every module that has them.
// A group that waits is parked, and its wait ends with the context of the call, with the group, or
// with the linker. [Linker.Notify] is for hosts that wake guests.
//
// # Failure
//
// Loading is a transaction: whatever fails, up to a trap in the last constructor, the image is as
// it was before, in all groups, and the linker goes on working. Errors are typed; see [LoadError].
// If an operation can be neither completed nor taken back the image is poisoned: every later call
// returns an error that wraps [ErrPoisoned] and the first cause. Tables and memories do not shrink,
// so a failed operation may leave them longer. The added entries and pages are free for the next
// one.
package linker
