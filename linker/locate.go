package linker

import (
	"context"
	"errors"
	"io/fs"
)

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
