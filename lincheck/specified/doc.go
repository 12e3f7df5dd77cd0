// Package specified judges recorded histories through the text of the specification itself: each
// operation is an interval, nothing is known of where in it the operation took effect, and an order
// is searched for that is a behaviour of tla/LinkerResults.tla, the abstract linker with names,
// handles and results.
//
//	result := specified.Check(history, lincheck.Limits{})
//
// No model in Go is between the history and the text. An action is evaluated by the interpreter of
// package tla/proof, the first time that it is tried in a state; then it is remembered. So there is
// no compiled twin that could differ from the text. [lincheck.Check] judges the same histories by
// porcupine and model.Sequential, which share nothing with this package: that both have the same
// verdict says that the model means what the specification says, and that both searches are right.
// spec/specified.md has the comparison, in processor time and memory.
//
// The search is Wing and Gong's (Testing and verifying concurrent objects, 1993), as Lowe has it in
// Testing for linearizability (2017): it goes through calls and returns as they came, and gives an
// operation its place only when it returns, or when another that returns needs it before. What is
// kept are the states that are possible, each with the pending operations that have taken effect,
// and no two that are equal. So memory does not grow with the history, and it need not be cut into
// rounds. Where an operation changes nothing, it takes its place at once: no order is lost by that.
// Horn and Kroening (Faster linearizability checking via P-compositionality, 2015) divide histories
// by objects. That would not be sound here as it stands: two libraries share groups, which end, and
// handles and pointers, of which no two are equal.
//
// It is what trace validation does with TLC (Cirstea, Kuppe, Loillier and Merz, Validating traces
// of distributed programs against TLA+ specifications, 2024), with a search of its own in the place
// of TLC's.
//
// The specification knows less than the linker does: libraries that need nothing and have one
// function, which are opened, closed and looked up through handles of their own, and groups that
// come and go. A history that speaks of anything else is Undecided, with a [*VocabularyError].
// "lockstep record --names" records such histories.
//
// It is for this project, and promises nothing to other modules.
package specified
