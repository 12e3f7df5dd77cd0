// Command php runs PHP scripts:
//
//	go run ./examples/php 'echo PHP_VERSION, "\n";'
//	go run ./examples/php -extension sqlite3,mbstring -dir . 'echo mb_strtoupper("größe"), "\n";'
//
// The interpreter and its extensions are unchanged from npm: it opens the extensions itself.
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

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

func main() {
	err := command(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "php:", err)
		os.Exit(1)
	}
}

// command is main without the process around it.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("php", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "", "directory that scripts find as /data, and may change")
	cacheDir := flags.String("cache", defaultCache(), "directory that keeps compiled code")
	names := flags.String("extension", "", "names of extensions, separated by commas")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: php [flags] CODE...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := Options{Stdout: stdout, Stderr: stderr}
	if *names != "" {
		o.Extensions = strings.Split(*names, ",")
	}
	if *dir != "" {
		root, err := os.OpenRoot(*dir)
		if err != nil {
			return err
		}
		defer root.Close()
		o.Files = vfs.Dir(root)
	}
	if *cacheDir != "" {
		if o.Cache, err = wazero.NewCompilationCacheWithDir(*cacheDir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, o.Cache.Close(ctx)) }()
	}
	php, err := Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, php.Close(ctx)) }()
	for _, code := range flags.Args() {
		if err := php.Run(ctx, "<?php "+code); err != nil {
			return err
		}
	}
	return nil
}

func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "lockstep", "wazero")
}
