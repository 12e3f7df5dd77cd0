// Package spans has ranges of whole numbers: addresses of a linear memory, entries of a table.
//
// It is for whatever hands ranges out and takes them back: tables, and the heap of libraries' data.
// It may use nothing of the linker. It has no locks: a [Set] is a value that shares what it has in
// common with its copies, and the lock of what it is a part of guards it.
package spans
