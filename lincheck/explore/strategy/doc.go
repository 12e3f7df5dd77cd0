// Package strategy decides which of several concurrent tasks goes on: at random, by priorities
// (PCT), depth first, as a property-based testing library draws, or as a list of numbers says.
//
// It knows nothing of what it schedules. A scheduler asks a [Strategy] at each choice point and
// notes the answers; the notes are a [Schedule], which repeats the run and can be made simpler with
// [Shrink].
//
// Nothing here is safe for use by several goroutines at once.
//
// It is for this project, and promises nothing to other modules.
package strategy
