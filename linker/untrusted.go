package linker

import "time"

// Untrusted returns a configuration for code of people whom the embedder does not trust: everything
// that a guest could do to the program around it is bounded, or ends with the context of the call.
// It is [NewConfig] with
//
//   - [Config.WithLoopSafepoints]: whatever runs ends with its context, constructors and start
//     functions too, also while it waits in an atomic instruction. Without it an endless loop not
//     only delays link operations: the next time that Go collects garbage, the whole process stands
//     still, because compiled code cannot be stopped from outside.
//   - [Config.WithCompilers]: two libraries are compiled at once, by two workers each, so that a
//     compilation that no caller waits for ends at its next function.
//   - Lower limits: 5 s of estimated compilation, 3 s of one function, 32 MiB of file, 256 MiB of
//     memory, a million entries of the function table, 256 libraries, 16 groups, 64 MiB of code of
//     unloaded libraries.
//
// Give every call a context with a deadline. What it costs are the loop safepoints, a tenth to a
// quarter of the time of code that computes, and nothing else: BenchmarkLoopSafepoints in package
// libraries measures it, and spec/rationale.md has the numbers. SECURITY.md says what each party
// can do to the others then, and what it cannot.
func Untrusted() *Config {
	return NewConfig().
		WithLoopSafepoints(true).
		WithCompilers(2, 2).
		WithMaxCompileCost(5*time.Second).
		WithMaxFunctionCost(3*time.Second).
		WithMaxFile(32<<20).
		WithMemoryPages(0, 4096).
		WithMaxTable(1 << 20).
		WithMaxModules(256).
		WithMaxGroups(16).
		WithMaxImports(1 << 15).
		WithCodeCache(64 << 20)
}
