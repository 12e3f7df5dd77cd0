// Package fuzz holds the suites that run the coordinator and the linker under
// the controlled scheduler of fuzz/schedule: small configurations exhaustively,
// random programs under random schedules. Package faults, in a folder of this
// one, seeds faults and shows that the suites find them.
//
// A failure prints a schedule and the command that runs it again; a failing
// random program prints rapid's command instead.
//
// It is for this project, and promises nothing to other modules.
package fuzz
