// Package mutant changes WebAssembly modules as bytes say, for fuzzing: a number, a name, a type,
// an instruction, a section. Changes know the format: sizes of what is around are put right, so
// that most mutants are refused, if at all, for what was changed. Some are wrong in the format
// itself: numbers in more bytes than they need, sizes, bytes at random, and ends.
//
//	mutated := mutant.Apply(module, other, choices)
//
// [Size] bytes of choices are one change; so a fuzzer or a shrinker that leaves some out leaves
// changes out. The same bytes give the same mutant.
package mutant
