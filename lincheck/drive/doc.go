// Package drive runs random concurrent programs on a real linker and records them: it is what
// stands between package linker and package lincheck, which know nothing of each other.
//
//	subject, err := drive.New(ctx, runtime, drive.Fixtures(fsys), linker.NewConfig())
//	history, err := subject.Run(ctx, drive.Program{Seed: 1, Groups: 4, Clients: 8, Rounds: 10, Operations: 8}, nil)
//	result := lincheck.Judge(history, lincheck.Limits{})
//
// A program is made from its seed: the same seed asks the same questions, in another interleaving
// each time.
//
// It is for this project, and promises nothing to other modules.
package drive
