//go:build !amd64 && !arm64

package sched

import "runtime"

// goroutine identifies the goroutine that calls it, for as long as that lives: the number in the
// first line of its stack, "goroutine 17 [running]:". This is slow; there is no other portable way.
func goroutine() (id uintptr) {
	var buf [32]byte
	n := runtime.Stack(buf[:], false)
	for _, c := range buf[len("goroutine "):n] {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uintptr(c-'0')
	}
	return id
}
