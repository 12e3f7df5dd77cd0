package main

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"
)

// Folder keeps the plug-ins those that are in a folder. One goroutine at a time uses it.
type Folder struct {
	filters *Filters
	fsys    fs.FS
	seen    map[string]stamp // by the name of the file; also of files that are no plug-ins
}

// stamp tells versions of a file apart.
type stamp struct {
	time time.Time
	size int64
}

// NewFolder returns the folder, with nothing loaded yet. Plug-ins are the files whose names end in
// .wasm.
func NewFolder(filters *Filters, fsys fs.FS) *Folder {
	return &Folder{filters, fsys, map[string]stamp{}}
}

// Refresh loads what is new or has changed, and unloads what is gone. An error concerns one
// plug-in; the others are loaded all the same, and the one is not tried again until its file
// changes.
func (f *Folder) Refresh(ctx context.Context) error {
	names, err := fs.Glob(f.fsys, "*.wasm")
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		info, err := fs.Stat(f.fsys, name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // gone meanwhile
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		now := stamp{info.ModTime(), info.Size()}
		if f.seen[name] == now {
			continue
		}
		wasm, err := fs.ReadFile(f.fsys, name)
		if err == nil {
			f.seen[name] = now
			err = f.filters.Load(ctx, pluginName(name), wasm)
		}
		errs = append(errs, err)
	}
	for _, name := range slices.Sorted(maps.Keys(f.seen)) {
		if !slices.Contains(names, name) {
			delete(f.seen, name)
			errs = append(errs, f.filters.Unload(ctx, pluginName(name)))
		}
	}
	return errors.Join(errs...)
}

func pluginName(file string) string { return strings.TrimSuffix(file, ".wasm") }
