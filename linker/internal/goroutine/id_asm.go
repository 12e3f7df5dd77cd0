//go:build amd64 || arm64

package goroutine

// id returns the address of the runtime's record of the goroutine. Records do not move, and one is
// used again only when its goroutine has ended.
func id() uintptr
