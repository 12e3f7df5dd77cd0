// Package context is the standard package context with scheduling points and virtual deadlines: the
// instrumenter imports it in its place.
//
// Contexts made in a run are cancelled in one step, with those that come from them; a look at Err
// or at the channel of Done is a step, too. Standard contexts that come from them, made by code
// that is not instrumented, are cancelled in the same step. A context from outside of the run that
// is cancelled during the run does not cancel those that a run made from it.
//
// It is for this project, and promises nothing to other modules.
package context
