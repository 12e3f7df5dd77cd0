// Package protocol is the synchronisation of the linker as a pure transition
// system: a comparable [State] and one method per action, a guard and an
// effect, nothing else. There are no goroutines, no clock and no I/O in it.
//
// Each method has the name of the action in tla/LinkerSync.tla that it is, and
// each field of [State] the name of the variable that it is; they stand in the
// same order as there. The same methods serve three uses: package model walks
// them exhaustively, and finds the states that TLC finds; package
// linker/coord performs them under one mutex when real goroutines link real
// modules; and recorded traces are replayed against them.
//
// An action is performed by calling its method. The method returns [Done] when
// the guard held and the effect took place, and otherwise the conjunct of the
// guard that refused it; the state is then as it was:
//
//	s := protocol.NewState(protocol.Config{Groups: 2, Initial: 2})
//	s.RequestLease(0)            // Done
//	s.GrantLease(0)              // Done
//	s.GrantLease(1)              // "stage[g] = WaitLease"
//
// A State is a value: copy it by assignment, compare it with ==. Its methods
// must not be called by several goroutines at once.
//
// It is for this project, and promises nothing to other modules.
package protocol
