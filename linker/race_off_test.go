//go:build !race

package linker_test

// raceEnabled tells whether the race detector watches: everything is some ten times slower then.
const raceEnabled = false
