// Package lint holds the rules of this repository that a tool can check: which package may import
// which, what the public surface is, how entangled the files of a package may be, how long lines
// and files are, that packages have no state, and that sentences have subjects with names. They are
// tests, so that `go test ./...` and `make lint` report the same. A rule that has exceptions
// lists them beside it, and the list may only shrink: an exception that is not needed any more
// fails its test.
package lint
