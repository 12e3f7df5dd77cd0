//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package main

import (
	"runtime"
	"syscall"
	"time"
)

// peakMemory returns the most memory, in bytes, that the process has had at one time: its resident
// set. On Linux what the process that started it had then counts too, so it is never too low.
//
// Source: getrusage(2), ru_maxrss.
func peakMemory() uint64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return uint64(u.Maxrss) // in bytes there
	}
	return uint64(u.Maxrss) << 10
}

// processorTime returns how much time the process has had of all processors, the collector's
// included.
//
// Source: getrusage(2), ru_utime and ru_stime.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
