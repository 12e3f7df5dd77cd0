package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
	"github.com/lockstep-wasm/lockstep/stock"
)

// extensions are PHP's extensions on npm: a library that PHP opens itself when its configuration
// names it, and the C library that it is made for.
var extensions = map[string][2]string{
	"sqlite3":  {"php-wasm-sqlite/php8.0-sqlite.so", "php-wasm-sqlite/libsqlite3.so"},
	"mbstring": {"php-wasm-mbstring/php8.0-mbstring.so", "php-wasm-mbstring/libonig.so"},
}

// nothing are the blocks of JavaScript that have nothing to do here: they mount directories of a
// browser, begin and end the bridge to JavaScript's objects, and ask for streams of JavaScript. The
// bridge itself is not there; a script that uses it ends with an error.
var nothing = []uint32{1797184, 1806381, 1806965, 1825741, 1825769, 1825798}

// Options say what an interpreter is to be.
type Options struct {
	Cache      wazero.CompilationCache // may be nil
	Extensions []string                // "sqlite3", "mbstring"
	Stdout     io.Writer               // what scripts print
	Stderr     io.Writer
	Files      vfs.Tree // what scripts find in /data; may be nil
}

// PHP is an interpreter. One goroutine at a time uses it.
type PHP struct {
	p  *emscripten.Program
	rt wazero.Runtime
}

// Open starts an interpreter.
func Open(ctx context.Context, o Options) (x *PHP, err error) {
	x = &PHP{}
	defer func() {
		if err != nil {
			err = errors.Join(err, x.Close(context.WithoutCancel(ctx)))
			x = nil
		}
	}()
	wasm, err := stock.Read(stock.PHP)
	if err != nil {
		return x, err
	}
	fsys, libraries, err := files(o)
	if err != nil {
		return x, err
	}
	rc := linker.NewRuntimeConfig()
	if o.Cache != nil {
		rc = rc.WithCompilationCache(o.Cache)
	}
	x.rt = wazero.NewRuntimeWithConfig(ctx, rc)
	// The interpreter was built to wait in its own way, which it does not need here: host functions
	// may wait. What its own JavaScript would define for that, it finds in the configuration.
	lc := linker.NewConfig().WithMainName("php").WithMemoryPages(0, 32768).
		WithSearchPath("usr/lib").WithPreload(libraries...).WithMaxCompileCost(5*time.Minute).
		WithGlobal("__asyncify_state", api.ValueTypeI32, true, 0).
		WithGlobal("__asyncify_data", api.ValueTypeI32, true, 0).
		WithData("phpdbg_globals", make([]byte, 4096), 16)
	c := emscripten.NewConfig().WithFS(fsys).WithStdio(nil, o.Stdout, o.Stderr).
		WithEnv("HOME", "/home").WithEnv("PATH", "/")
	for _, block := range nothing {
		c = c.WithBlock(block, func(context.Context, string, []uint64) uint64 { return 0 })
	}
	if x.p, err = emscripten.Start(ctx, x.rt, wasm, lc, c); err != nil {
		return x, err
	}
	if _, err := x.p.Call(ctx, "pib_storage_init"); err != nil {
		return x, err
	}
	name, err := x.p.NewString(ctx, "embed")
	if err != nil {
		return x, err
	}
	_, err = x.p.Call(ctx, "pib_init", uint64(name))
	return x, err
}

// files returns the interpreter's file system, and the names of the C libraries in it.
func files(o Options) (fsys *vfs.FS, libraries []string, err error) {
	fsys = vfs.New()
	for _, file := range []string{"php-wasm-libxml/libxml2.so"} { // the interpreter's own
		wasm, err := stock.Read(file)
		if err != nil {
			return nil, nil, err
		}
		if err := fsys.WriteFile("/usr/lib/"+path.Base(file), wasm, 0o755); err != nil {
			return nil, nil, err
		}
		libraries = append(libraries, path.Base(file))
	}
	for _, dir := range []string{"/tmp", "/home", "/preload", "/persist", "/data"} {
		if err := fsys.MkdirAll(dir, 0o755); err != nil {
			return nil, nil, err
		}
	}
	var ini strings.Builder
	for _, name := range o.Extensions {
		x, ok := extensions[name]
		if !ok {
			return nil, nil, fmt.Errorf("no extension %q", name)
		}
		for i, file := range x {
			wasm, err := stock.Read(file)
			if err != nil {
				return nil, nil, err
			}
			at := "/usr/lib/" + path.Base(file)
			if err := fsys.WriteFile(at, wasm, 0o755); err != nil {
				return nil, nil, err
			}
			if i == 0 {
				fmt.Fprintf(&ini, "extension=%s\n", at)
			} else {
				libraries = append(libraries, path.Base(file))
			}
		}
	}
	if err := fsys.WriteFile("/php.ini", []byte(ini.String()), 0o644); err != nil {
		return nil, nil, err
	}
	if o.Files != nil {
		err = fsys.Mount("/data", o.Files)
	}
	return fsys, libraries, err
}

// Run runs a script, which begins with "<?php" as a file does. An error of the script is printed by
// PHP; the error of Run says that there was one.
func (x *PHP) Run(ctx context.Context, script string) error {
	at, err := x.p.NewString(ctx, "?>"+script)
	if err != nil {
		return err
	}
	r, err := x.p.Call(ctx, "pib_run", uint64(at))
	if _, failed := x.p.Call(ctx, "pib_flush"); err == nil {
		err = failed
	}
	if _, failed := x.p.Call(ctx, "free", uint64(at)); err == nil {
		err = failed
	}
	if err == nil && api.DecodeI32(r[0]) != 0 {
		err = fmt.Errorf("php: status %d", api.DecodeI32(r[0]))
	}
	return err
}

// Close ends the interpreter.
func (x *PHP) Close(ctx context.Context) (err error) {
	if x.p != nil {
		err = x.p.Close(ctx)
		x.p = nil
	}
	if x.rt != nil {
		err = errors.Join(err, x.rt.Close(ctx))
		x.rt = nil
	}
	return err
}
