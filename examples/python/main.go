// Command python runs Python scripts:
//
//	go run ./examples/python 'import decimal; print(decimal.Decimal(1) / 3)'
//	go run ./examples/python -file SCRIPT.py
//	go run ./examples/python -repr '__import__("sqlite3").sqlite_version'
//	go run ./examples/python -with numpy,pandas 'import numpy; print(numpy.fft.fft([1, 2]))'
//
// Python and its extension modules, which are libraries in C, are unchanged from npm: Python opens
// them itself when a script imports them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock/cowasm"
)

func main() {
	err := command(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
	exception := (*cowasm.Exception)(nil)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case errors.As(err, &exception):
		fmt.Fprint(os.Stderr, exception.Traceback)
		os.Exit(1)
	case err != nil:
		fmt.Fprintln(os.Stderr, "python:", err)
		os.Exit(1)
	}
}

// command is main without the process around it.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("python", flag.ContinueOnError)
	flags.SetOutput(stderr)
	file := flags.String("file", "", "a `file` with a script, which runs first")
	repr := flags.Bool("repr", false, "print the values of expressions, instead of running scripts")
	cacheDir := flags.String("cache", defaultCache(), "`directory` that keeps compiled code")
	with := flags.String("with", "", "`packages` to import from: numpy, or numpy,pandas")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: python [flags] CODE...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	packages, err := packagesOf(*with)
	if err != nil {
		return err
	}
	var script []byte
	if *file != "" {
		if script, err = os.ReadFile(*file); err != nil {
			return err
		}
	}
	config := linker.NewRuntimeConfig()
	if *cacheDir != "" {
		cache, err := wazero.NewCompilationCacheWithDir(*cacheDir)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, cache.Close(ctx)) }()
		config = config.WithCompilationCache(cache)
	}
	rt := wazero.NewRuntimeWithConfig(ctx, config)
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	python, err := cowasm.Open(ctx, rt, cowasm.Options{Stdout: stdout, Stderr: stderr,
		Packages: packages})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, python.Close(ctx)) }()
	if err := python.Exec(ctx, string(script)); err != nil {
		return err
	}
	for _, code := range flags.Args() {
		if !*repr {
			err = python.Exec(ctx, code)
		} else if text, failed := python.Repr(ctx, code); failed != nil {
			err = failed
		} else {
			fmt.Fprintln(stdout, text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

var errNoPackage = errors.New("there is no such package, but numpy and pandas")

// packagesOf reads a list of packages.
func packagesOf(list string) (packages []string, err error) {
	for _, name := range strings.Split(list, ",") {
		switch name {
		case "":
		case "numpy":
			packages = append(packages, cowasm.NumPy)
		case "pandas":
			packages = append(packages, cowasm.Pandas)
		default:
			return nil, fmt.Errorf("%s: %w", name, errNoPackage)
		}
	}
	return packages, nil
}

func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "lockstep", "wazero")
}
