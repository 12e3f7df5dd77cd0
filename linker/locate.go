package linker

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// location is a library's file. What identifies a library is its file, not the name by which it was
// asked for: one file under two names is one library, two copies of a file are two. A library that
// was given as bytes has no file, so its name identifies it.
type location struct {
	file string
	info fs.FileInfo // nil for a library given as bytes
}

// locate finds the file that a name means. from is the module that needs it, nil for a call from
// outside.
func (l *Linker) locate(ctx context.Context, name string, from *module) (location, error) {
	candidates, err := l.candidates(name, from)
	if err != nil {
		return location{}, &LoadError{Module: name, Err: err}
	}
	return ask(ctx, &l.files, func(ctx context.Context) (location, error) {
		var searched, outside []string
		for _, candidate := range candidates {
			file := candidate.File
			if err := ctx.Err(); err != nil {
				return location{}, err
			}
			if !fs.ValidPath(file) {
				outside = append(outside, file)
				continue
			}
			searched = append(searched, file)
			info, err := fs.Stat(l.config.fsys, file)
			l.logTried(name, candidate, err)
			switch {
			case err == nil && info != nil:
				return location{file: file, info: info}, nil
			case err == nil:
				err = fs.ErrInvalid
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return location{}, &LoadError{File: file, Module: name, Err: err}
			}
		}
		return location{}, &NotFoundError{Name: name, Searched: searched, Outside: outside}
	})
}

// among returns the module that was loaded from this file, whatever the file was called, or nil.
// Links are recognised in file systems of the operating system; in others a path is all there is.
func (f location) among(files names) *module {
	if m := files.At(f.file); m != nil {
		return m
	}
	for _, m := range files.All {
		if os.SameFile(m.stat, f.info) {
			return m
		}
	}
	return nil
}
