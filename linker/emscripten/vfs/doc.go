// Package vfs is a file system as POSIX programs expect one: directories, regular files, symbolic
// and hard links, files that live on as long as they are open, and mounts. Programs that package
// emscripten runs have one. What is mounted lives in memory, comes from an [fs.FS], or is a
// directory of the host.
//
// Paths are slash-separated and absolute; a relative one begins at the root. Errors are an
// *fs.PathError that wraps an [Errno], so errors.Is finds fs.ErrNotExist and its like in them.
// Permissions are recorded, and not enforced: a program is its own file system's superuser.
//
// All functions may be called by any number of goroutines.
package vfs
