package linker

import (
	"context"
	"errors"
	"io/fs"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
)

// locate finds the file that a name means. from is the module that needs it, nil for a call from
// outside.
func (l *Linker) locate(ctx context.Context, name string, from *image.Module) (image.Location,
	error) {
	candidates, err := l.candidates(name, from)
	if err != nil {
		return image.Location{}, &LoadError{Module: name, Err: err}
	}
	return ask(ctx, &l.files, func(ctx context.Context) (image.Location, error) {
		var searched, outside []string
		for _, candidate := range candidates {
			file := candidate.File
			if err := ctx.Err(); err != nil {
				return image.Location{}, err
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
				return image.Location{File: file, Info: info}, nil
			case err == nil:
				err = fs.ErrInvalid
			}
			if !errors.Is(err, fs.ErrNotExist) {
				return image.Location{}, &LoadError{File: file, Module: name, Err: err}
			}
		}
		return image.Location{}, &NotFoundError{Name: name, Searched: searched, Outside: outside}
	})
}
