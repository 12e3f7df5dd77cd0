package goroutine

import (
	"bytes"
	"runtime"
	"strconv"
)

// portableID returns the number that a stack trace begins with: "goroutine 17 [running]:".
func portableID() uintptr {
	var room [64]byte
	text := bytes.TrimPrefix(room[:runtime.Stack(room[:], false)], []byte("goroutine "))
	number, _, _ := bytes.Cut(text, []byte(" "))
	n, err := strconv.ParseUint(string(number), 10, 64)
	if err != nil || n == 0 {
		panic("goroutine: a stack trace without a number: " + string(text))
	}
	return uintptr(n)
}
