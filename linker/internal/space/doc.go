// Package space has what one instance group has of a process image: its instances of all modules,
// its function table, its PLT, and the steps by which link operations change them. A [Step] gets
// one group's [Space] and nothing else, so a replay cannot call the linker, which waits for it:
// this package lies below the coordinator and the linker, and neither can be reached from it.
//
// It uses the engine, the compiled code of modules and the records of package image. A space
// belongs to the goroutine that has the group's lock, and, while the coordinator holds the group
// still, to the one that replays an operation for it. What all spaces share is decided while the
// image is built, and only read afterwards.
package space
