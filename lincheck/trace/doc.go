// Package trace records what the protocol of a running linker does, event by event, and decides
// whether that is a behaviour of the specification.
//
// A [Recorder] is an observer of package coord. It writes a trace file; [Read] reads it, and
// [Validate] replays it against linker/protocol:
//
//	rec := trace.NewRecorder(file)
//	l, err := linker.New(ctx, rt, main, linker.NewConfig().WithObserver(rec.Observe))
//	// … use the linker, and close it …
//	err = rec.Close()
//
//	t, err := trace.Read(file)
//	summary, err := trace.Validate(t)
//
// Each action is performed inside one critical section of the coordinator and is one event, whose
// number is given there: the order of a trace is the order in which things happened. Validate
// performs the same actions on a state of its own and compares what it sees with what the recorder
// saw. A trace that does not fit is a [*RejectedError] that shows the first such event, the state
// before it, what was refused, and what would have been possible.
//
// Package lincheck/trace/batch lets TLC decide the same by the TLA+ text, and package
// lincheck/trace/corrupt makes traces wrong, to show that both can say no.
//
// It is for this project, and promises nothing to other modules.
package trace
