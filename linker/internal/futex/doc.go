// Package futex has the queues of those that wait for each other at an address of the memory, as
// the instructions memory.atomic.wait and memory.atomic.notify do.
//
// It is for who is woken, and that no wake-up is lost; blocking, and parking a group meanwhile, is
// for the linker. It may use nothing of the linker: a thread is a key to it. One mutex guards all
// queues. It is held while a caller looks at the memory, so that a wake-up comes before that look
// or finds the waiter.
package futex
