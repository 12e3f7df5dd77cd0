//go:build !linux

package main

import "time"

// clock is what is measured with.
const clock = "wall-clock time"

// now is the time of day: other systems have no clock of a thread that Go can read.
func now() time.Duration { return time.Duration(time.Now().UnixNano()) }

// processTime is the time of day, too.
func processTime() time.Duration { return now() }
