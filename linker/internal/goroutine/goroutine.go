// Package goroutine tells goroutines apart.
//
// Go hides the identity of goroutines on purpose, so that programs do not keep data by it. The
// linker keeps none: it only asks whether a context is used by the goroutine that it was made for,
// because two goroutines inside one instance group corrupt its stack. See "Why does a context know
// its goroutine?" in spec/rationale.md.
package goroutine

// ID identifies the calling goroutine among those that have not ended. When a goroutine has ended,
// another one may get its number. It is never 0. Any goroutine may call it; it takes a few
// nanoseconds, and about a microsecond on architectures for which it has no assembly.
func ID() uintptr { return id() }
