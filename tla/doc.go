// Package tla runs model checkers over the TLA+ specification of the linker's protocol, and keeps a
// record of what they found.
//
// The specifications, their configurations and a manifest of models lie in this folder. [LoadSuite]
// reads them, [LoadResults] what TLC found, and [Suite.CheckRecord] says whether the record can be
// relied on:
//
//	suite, err := tla.LoadSuite(os.DirFS("tla"))
//	…
//	record, err := tla.LoadResults(suite.FS)
//	…
//	err = suite.CheckRecord(record)
//
// There are two checkers. TLC is the reference: [Locator.Find] finds it, [Tool.Run] runs it on a
// model and reads its messages. It needs Java. The embedded checker ([NewChecker],
// [Checker.CheckModel]) is WebAssembly, runs anywhere, and gives a second opinion on safety: its
// verdict counts only where it counts as many states as TLC, and [Lint] keeps the specification
// free of what it misreads.
//
// "lockstep tlc" (package tla/tlc) does all this from the command line.
//
// It is for this project, and promises nothing to other modules.
package tla
