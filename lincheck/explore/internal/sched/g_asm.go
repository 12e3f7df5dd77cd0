//go:build amd64 || arm64

package sched

// goroutine identifies the goroutine that calls it, for as long as that lives.
func goroutine() uintptr
