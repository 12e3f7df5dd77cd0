// Package heap hands out regions of the linear memory: the data areas of libraries, stacks,
// thread-local storage, strings for guests. When the main module has an allocator, regions come
// from it, so that the guest knows they are taken; otherwise the memory grows.
//
// It uses spans, and sees the group that a caller is inside as a [Guest], and the memory as two
// functions. One mutex guards its records. The mutex is not held while the guest's allocator runs,
// which may call the linker.
package heap
