//go:build race

package fuzz_test

// raceDetector tells that everything is ten times as slow: the suites then look at fewer schedules.
const raceDetector = true
