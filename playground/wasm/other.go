//go:build !js || !wasm

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr,
		"this is a part of a page: make playground compiles it with GOOS=js GOARCH=wasm")
	os.Exit(2)
}
