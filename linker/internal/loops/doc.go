// Package loops has the budget that makes loops of guests safepoints: Config.WithLoopSafepoints.
//
// It is for stopping code of the guest that computes: compiled code counts a global down, which
// other goroutines set to zero. It may use nothing of the linker or the engine, of which it needs a
// global that can be set. A mutex in the [Flag] guards the rest of it, and is a leaf.
package loops
