package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strconv"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
	"github.com/lockstep-wasm/lockstep/stock"
)

// read returns a file of PGlite's package.
func read(name string) ([]byte, error) { return stock.Read(path.Dir(stock.PGlite) + "/" + name) }

// bundled finds, in PGlite's JavaScript, where each file is in pglite.data.
var bundled = regexp.MustCompile(`filename:"([^"]+)",start:(\d+),end:(\d+)`)

// files returns a file system with PostgreSQL's files, and those of extensions.
func files(extensions []string) (*vfs.FS, error) {
	script, err := read("pglite.js")
	if err != nil {
		return nil, err
	}
	data, err := read("pglite.data")
	if err != nil {
		return nil, err
	}
	f := vfs.New()
	for _, dir := range []string{"/tmp", "/home/postgres", dataDir} {
		if err := f.MkdirAll(dir, 0o700); err != nil {
			return nil, err
		}
	}
	for _, m := range bundled.FindAllSubmatch(script, -1) {
		start, _ := strconv.Atoi(string(m[2]))
		end, _ := strconv.Atoi(string(m[3]))
		if start > end || end > len(data) {
			return nil, fmt.Errorf("pglite.data has no bytes %d to %d", start, end)
		}
		if err := f.WriteFile(string(m[1]), data[start:end], 0o755); err != nil {
			return nil, err
		}
	}
	if err := f.WriteFile(prefix+"/locales", []byte("C\nPOSIX\nC.UTF-8\n"), 0o644); err != nil {
		return nil, err
	}
	for _, e := range extensions {
		if err := extension(f, e); err != nil {
			return nil, fmt.Errorf("extension %s: %w", e, err)
		}
	}
	return f, nil
}

// extension adds the files of an extension, which "create extension" loads when it is run.
func extension(f *vfs.FS, name string) error {
	bundle, err := read(name + ".tar.gz")
	if err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(bundle))
	if err != nil {
		return err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := f.WriteFile(prefix+"/"+h.Name, content, 0o644); err != nil {
			return err
		}
	}
}
