package instrument

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// own is what the import paths of the explorer begin with.
const own = "github.com/lockstep-wasm/lockstep/lincheck/explore/"

// Overlay is what was instrumented.
type Overlay struct {
	File     string            // the file for go test -overlay
	Replaced map[string]string // path of the source to path of the instrumented file
	Packages []string          // the import paths of the instrumented packages
}

// Write instruments packages and writes the files to a folder. The errors are *ListError, those of
// the go command, of the type checker, and of reading and writing files.
func Write(ctx context.Context, o Options, folder string) (*Overlay, error) {
	all, err := list(ctx, o)
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for _, p := range all {
		exports[p.ImportPath] = p.Export
	}
	base, err := o.replaced()
	if err != nil {
		return nil, err
	}
	out := &Overlay{File: filepath.Join(folder, "overlay.json"), Replaced: map[string]string{}}
	for _, p := range all {
		// The variant that is compiled for the tests has all files of the package, and stands for
		// it.
		if !o.wanted(p) || p.ForTest == "" && hasVariant(all, p) {
			continue
		}
		s, err := check(p, exports, base)
		if err != nil {
			return nil, err
		}
		if err := out.add(s, o, folder); err != nil {
			return nil, err
		}
	}
	for from, to := range base {
		if _, ok := out.Replaced[from]; !ok {
			out.Replaced[from] = to
		}
	}
	text, err := json.MarshalIndent(map[string]any{"Replace": out.Replaced}, "", "\t")
	if err != nil {
		return nil, fmt.Errorf("instrument: %w", err)
	}
	if err := os.WriteFile(out.File, text, 0o644); err != nil {
		return nil, fmt.Errorf("instrument: %w", err)
	}
	return out, nil
}

// replaced is what the overlay that sources are read through replaces.
func (o *Options) replaced() (map[string]string, error) {
	if o.Overlay == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.Overlay)
	if err != nil {
		return nil, fmt.Errorf("instrument: %w", err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &overlay); err != nil {
		return nil, fmt.Errorf("instrument: %s: %w", o.Overlay, err)
	}
	return overlay.Replace, nil
}

func hasVariant(all []*listed, p *listed) bool {
	for _, q := range all {
		if q.ForTest == p.ImportPath && q.path() == p.ImportPath {
			return true
		}
	}
	return false
}

// add instruments a package and writes its files.
func (out *Overlay) add(s *source, o Options, folder string) error {
	out.Packages = append(out.Packages, s.path())
	for i, f := range s.files {
		path := s.fset.File(f.FileStart).Name()
		if _, ok := out.Replaced[path]; ok {
			continue
		}
		r := newRewriter(s, f, s.texts[i], o.Plain)
		to := filepath.Join(folder, fmt.Sprintf("%03d_%s", len(out.Replaced), filepath.Base(path)))
		if err := os.WriteFile(to, []byte(r.file(i == 0)), 0o644); err != nil {
			return fmt.Errorf("instrument: %w", err)
		}
		out.Replaced[path] = to
	}
	return nil
}
