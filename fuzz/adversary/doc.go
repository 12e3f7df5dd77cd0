// Package adversary has a program that means harm: many goroutines use the whole public API of
// package linker at once. They share the handles of libraries, groups, closures and contexts,
// close what others use, and end contexts in the middle of a call. Host functions call back,
// block, panic, exit, and keep their contexts for later. Several linkers live in one runtime.
//
// A program is drawn from a seed; only the interleaving is not. Contexts end when they have been
// looked at so many times, or when so many actions of the protocol have happened, never after a
// time. The same seed therefore asks the same questions again:
//
//	go test ./fuzz/adversary                                          # a few programs
//	go test -race ./fuzz/adversary -adversary.duration=10m -timeout=0 # as many as there is time for
//	go test ./fuzz/adversary -adversary.seed=17 -adversary.programs=1 # one again
//
// What it does and what it checks is listed in spec/adversary.md.
//
// It is for this project, and promises nothing to other modules.
package adversary
