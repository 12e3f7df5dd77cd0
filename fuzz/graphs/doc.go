// Package graphs draws random graphs of shared libraries, and computes what a linker has to make of
// them.
//
// [Draw] makes a [Graph]: libraries that need each other, in chains and in circles, define the same
// names, reach each other's functions, data, thread-local data and globals in all ways that there
// are, and fail in all ways that there are. [Graph.Files] are their binaries. An [Image] is the
// oracle: it opens, calls and closes the same libraries in the abstract, from the descriptions
// alone. It shares no code with the linker, and reads no binary.
//
// The suites of this package drive the linker and the oracle side by side: in one goroutine with
// every result and the whole image compared after every step, under the controlled scheduler, and
// with real goroutines.
//
//	go test ./fuzz/graphs                                            # 100 graphs in each suite
//	go test ./fuzz/graphs -run '^TestGraphs$' -rapid.checks=10000    # more of one
//	go test ./fuzz/graphs -run '^TestGraphs$' -rapid.seed=SEED       # the seed that a failure prints: the same graphs again
//	go test -race ./fuzz/graphs -run '^TestGraphsConcurrently$'
//
// What fails is shrunk by rapid: to few libraries, few steps and, under the scheduler, few
// interruptions.
//
// It is for this project, and promises nothing to other modules.
package graphs
