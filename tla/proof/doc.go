// Package proof shows with z3 that the properties of the linker's protocol hold for any number of
// groups.
//
// TLC visits every state that a few groups can reach. This package translates the same text,
// tla/LinkerSync.tla, to first-order logic with quantifiers over groups (SMT-LIB 2), and has z3
// check an induction: every invariant holds initially, and whenever all of them hold, no action
// leads to a state in which one of them does not, for any group that takes the step, any number of
// groups, and any constants. [Load] reads the specification; [System.Obligations] are the
// questions; [System.Script] is the text of one, and [System.Prove] asks it:
//
//	system, err := proof.Load(tla.Files())
//	…
//	z3, err := proof.FindSolver(ctx, time.Minute)
//	…
//	for _, o := range system.Obligations() {
//		result, err := system.Prove(ctx, z3, o)
//
// What came out is on record ([RecordFile]), with the hash of every question: [System.CheckRecord]
// needs no z3.
//
// An obligation that cannot be proved gets a [Counterexample] to induction, if a few groups suffice
// for one: a second translation, of the same expressions by the same code, in which groups are
// written out one by one and sequences element by element, so that z3 always comes to an answer.
// That translation is compared with linker/protocol, step by step.
//
// The part of TLA+ that is read is the one in which LinkerSync is written. Anything else is an
// error with its line: nothing is left out of a question because it was not understood. What is
// proved, and what is taken for granted, is in spec/proof.md.
//
// It is for this project, and promises nothing to other modules.
package proof
