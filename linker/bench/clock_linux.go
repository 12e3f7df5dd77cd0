package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock is what is measured with.
const clock = "processor time of the thread"

// now is the processor time that the calling thread has used. The goroutine is locked to it.
func now() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // the clock exists in every Linux that Go supports
	}
	return time.Duration(t.Nano())
}

// processTime is the processor time that all threads of the process have used.
func processTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		panic(err) // as above
	}
	return time.Duration(t.Nano())
}
