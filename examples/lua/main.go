// Command lua runs a script with the C library of that name, linked at run time:
//
//	go run ./examples/lua FILE.lua [ARGUMENT]...
//
// FILE is "-" for standard input; the script finds its arguments in "...". Besides Lua's own there
// is a global function sha256(text), which is Go's. The library and its libc are in package
// libraries.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tetratelabs/wazero"
)

func main() {
	if err := command(context.Background(), nil, os.Args[1:], os.Stdin, os.Stdout,
		os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// command is main without the process around it.
func command(ctx context.Context, runtime wazero.RuntimeConfig, args []string, stdin io.Reader,
	stdout, stderr io.Writer) (err error) {
	if len(args) == 0 {
		return errors.New("lua: no script (usage: lua FILE.lua [ARGUMENT]...)")
	}
	name, script := "stdin", []byte(nil)
	if args[0] == "-" {
		script, err = io.ReadAll(stdin)
	} else {
		name = filepath.Base(args[0])
		script, err = os.ReadFile(args[0])
	}
	if err != nil {
		return err
	}
	streams := wazero.NewModuleConfig().WithStdin(stdin).WithStdout(stdout).WithStderr(
		stderr).WithSysWalltime().WithSysNanotime()
	engine, err := NewEngine(ctx, runtime, streams)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Close(ctx)) }()
	t := engine.Main()
	state, err := engine.NewState(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, state.Close(ctx, t)) }()
	if err := state.Register(ctx, t, "sha256", sha256Text); err != nil {
		return err
	}
	_, err = state.Run(ctx, t, name, string(script), args[1:]...)
	_, flushed := t.Libc(ctx, "fflush", 0) // what io.write left in a buffer
	return errors.Join(err, flushed)
}

func sha256Text(_ context.Context, args []string) ([]string, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("sha256: %d arguments, want one", len(args))
	}
	sum := sha256.Sum256([]byte(args[0]))
	return []string{hex.EncodeToString(sum[:])}, nil
}
