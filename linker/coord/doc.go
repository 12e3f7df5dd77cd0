// Package coord is the runtime of the linker's protocol: it performs the
// actions of linker/protocol under one mutex when real goroutines link real
// modules. Each action is performed inside one critical section of that mutex, and
// is one [Event]; a critical section performs one action or several.
//
// A [Coordinator] belongs to one process image, a [Member] to one instance group of it. A
// goroutine enters a group by [Member.Enter] and leaves it by [Member.Park]. Neither takes the
// mutex while no operation counts on the group: see gate.go. One goroutine at a time holds a
// group ([Member.Hold]), and one that finds it free holds and enters it at once ([Member.In]).
// An operation that all groups must agree on is a [Member.Link]. A group that waits, for the
// lease, for the state lock or to leave, takes part in the others' operations meanwhile; for a
// group that is parked the leader acts. Hence a waiting group does not stop the others.
//
// The package knows nothing of WebAssembly: what an operation does to a group
// is behind [Participant] and [Work].
//
// It is for this project, and promises nothing to other modules.
package coord
