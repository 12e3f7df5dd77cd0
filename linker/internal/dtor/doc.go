// Package dtor registers destructors: what modules have registered with __cxa_atexit, atexit and
// __cxa_thread_atexit, to be called when a module is unloaded or a thread ends.
//
// It is for the order in which they are called, and for calling each once; calling them is for the
// linker. It may use nothing of the linker: modules and threads are keys to it. A mutex in the
// [Registry] guards all that is in it. It is a leaf: nothing is called while it is held, but the
// question whether a thread has ended.
package dtor
