// Package mutation measures the tests: it changes one thing in the source at a time, runs the tests
// that should notice, and counts the changes that they notice. The seeded faults of package faults
// are mistakes that a person thought of; these are all small mistakes of a few kinds. A change that
// no test notices, a survivor, is a hole in the tests, or it changes nothing that a test could see:
// then it is listed in equivalent.txt with the reason.
//
// The command fuzz/cmd/mutation runs it, and keeps the results in spec/mutation.json, of which
// spec/mutation.md is the table.
//
// It is for this project, and promises nothing to other modules.
//
// Source: R. DeMillo, R. Lipton, F. Sayward, "Hints on test data selection", 1978.
package mutation
