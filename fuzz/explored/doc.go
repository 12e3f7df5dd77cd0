// Package explored runs the linker itself, with wazero, under the explorer of lincheck/explore:
// every pair of public operations on two groups with shared handles, in every schedule or within a
// bound, and programs in which destructors run, contexts are kept, and groups end.
//
// TestSeededFaults lists the seeded faults that are found so. Of the others that take two groups at
// the same time, these were looked for in a few hundred schedules and not found:
//
//   - "linker: instances are closed while an operation is replayed in them": the instances are the
//     engine's, whose accesses are not instrumented (linker.TestCloseDuringReplay finds it).
//   - "linker: a closing is seen before its commit": if the closing commits, what is seen early is
//     a right result of another order; it takes one that fails
//     (linker.TestClosingIsSeenWhenCommitted).
//   - "linker: who unloads something touches what others are closing": no program here unloads
//     between two destructors of one closing (linker.TestClosedTogetherStaysTogether).
//   - "runtime: commits are counted before they can be seen", "runtime: a gate opens during an
//     operation" and "runtime: death comes under a goroutine's hands": the moment that they need is
//     not in the schedules of the pair that was tried (coord.TestCommitsAreCountedWhenSeen,
//     coord.TestGateIsShutWhileTheLeaderWorks, coord.TestKilledLeaderKeepsItsLocksWhileItWorks).
//   - "runtime: one waiter is woken, not all": it takes three groups that wait.
//
// It is for this project, and promises nothing to other modules.
package explored
