// Package explore finds faults in concurrent Go code: it runs the real code in many schedules,
// chosen systematically, and judges each run.
//
// A type whose operations are to be atomic is tested in three lines:
//
//	func TestQueue(t *testing.T) {
//		explore.Linearizable(t, explore.Type[*Queue]{New: NewQueue})
//	}
//
// and any other concurrent program, with ordinary go statements, channels and locks, with [Check].
// Both are run by plain go test. The code under test is not changed and not prepared: when the test
// runs, the packages of the main module are instrumented in an overlay of the go command, and the
// test is run again with that. In it every operation of sync, sync/atomic, channels, select, time
// and context is a scheduling point, and plain reads and writes are checked for data races by
// vector clocks, in every schedule.
//
// What is found: deadlocks, with who waits for whom; runs that do not end; goroutines that are
// left; data races; panics; what the test itself says ([Run.Failf], [Type].Invariant); and
// histories that no order of the operations explains, judged by porcupine. What fails is made
// small, scenario and schedule, and is reported as a table with a column for each goroutine and a
// row for each access, with the command that repeats it.
//
// # Limits
//
// Sequential consistency is assumed, which is what Go promises to programs without data races.
// Programs must do the same when they are scheduled in the same way: no order of maps, no
// randomness, no real time. The one package that has the test is instrumented with all packages of
// the main module that it needs; a goroutine that blocks in other code, in a system call for
// instance, holds up the run. Memory reached through unsafe pointers, the elements of copied
// structs, and code in assembly are not watched for races.
package explore
