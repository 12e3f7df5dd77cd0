// Package batch lets TLC decide whether recorded traces are behaviours of the specification. It is
// the second opinion to trace.Validate: the judge is the TLA+ text itself, tla/TraceLinkerSync.tla.
//
//	tool, err := tla.Locator{Dir: "tla"}.Find()
//	outcome, err := batch.Check(ctx, tool, []batch.Input{{Name: "a.jsonl", Trace: t}})
//	if outcome.Rejected != nil {
//		fmt.Println(outcome.Rejected)
//	}
//
// Many traces go into one run, because starting TLC takes longer than a trace.
//
// TLC is not everywhere. What it found for a thousand traces of the real linker is on [Record],
// together with what that depends on: [Inputs] changes with the specification and with what this
// package writes of a trace.
//
// It is for this project, and promises nothing to other modules.
package batch
