// Command tlc is "lockstep tlc" by itself: see package tla/tlc.
package main

import (
	"os"

	"github.com/lockstep-wasm/lockstep/tla/tlc"
)

func main() { os.Exit(tlc.Main(os.Args[1:])) }
