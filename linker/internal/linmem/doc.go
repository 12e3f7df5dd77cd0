// Package linmem has the one linear memory of a process image: where its bytes come from, and the
// view of them that does not move when the memory grows.
//
// It is for reading and writing the guest's memory while guests run. It may use the engine's memory
// and nothing of the linker. The contents of the memory belong to the guest; the rest of [Memory]
// is set while the image is built by one goroutine, and only read afterwards.
package linmem
