// Package sched runs goroutines one at a time, from one access to shared memory to the next, in an
// order that a chooser decides.
//
// Tasks are real goroutines. Each stops before an operation on something shared ([Task.Point]) and
// goes on when it has been chosen and the operation can be performed. The task that stops decides
// itself who goes on and hands over directly, so a run of operations of one task costs no switch at
// all.
//
// The shims of package sync and the others ask [Current] who calls them. A goroutine that is no
// task of the running scheduler gets nil, and then a shim is the real thing.
//
// # What is assumed
//
// Sequential consistency: Go's atomics are sequentially consistent, and so are programs without
// data races; data races are found by vector clocks ([Task.Access]). Programs must do the same when
// they are scheduled in the same way. A task must not block in anything that is not instrumented.
package sched
