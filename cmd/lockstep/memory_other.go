//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package main

import (
	"runtime"
	"time"
)

// peakMemory returns how much memory, in bytes, Go's runtime has had of the operating system, which
// is never too low.
func peakMemory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys
}

// processorTime returns 0: it is not known.
func processorTime() time.Duration { return 0 }
