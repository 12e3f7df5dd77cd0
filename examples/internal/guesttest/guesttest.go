// Package guesttest is for the tests of the examples: they link the same modules again and again,
// and should compile them once.
//
//	var config wazero.RuntimeConfig
//
//	func TestMain(m *testing.M) { os.Exit(guesttest.Run(m, &config)) }
package guesttest

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
)

// Run sets config to one that keeps compiled code in a folder of its own for as long as the tests
// run, runs them, and returns the exit status. (A cache in memory would not do: it forgets what the
// last runtime closes.)
func Run(m *testing.M, config *wazero.RuntimeConfig) int {
	dir, err := os.MkdirTemp("", "lockstep-test-")
	if err != nil {
		return failed(err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is temporary anyway
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return failed(err)
	}
	*config = linker.NewRuntimeConfig().WithCompilationCache(cache)
	status := m.Run()
	if err := cache.Close(context.Background()); err != nil {
		return failed(err)
	}
	return status
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, "guesttest:", err)
	return 1
}
