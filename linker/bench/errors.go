package main

import "errors"

var (
	// errCount is the error of a number of times that is none.
	errCount = errors.New("bench: want 1 or more")
	// errStates means that a peer does not do the same work.
	errStates = errors.New("bench: another number of distinct states")
	// errSample is the error of a line that a run of the command does not write.
	errSample = errors.New("bench: no sample")
)

// missing is the error of a row whose peer is not installed. The row says so.
type missing string

func (m missing) Error() string { return string(m) }
