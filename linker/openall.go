package linker

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// OpenAll opens several libraries as one load: each sees what the others define, data above all, in
// whatever order they are named, as if one library that needs them all had been opened. The result
// has a handle for each, in the order of the names. All that Open says of one library holds for
// them; if one cannot be opened, none is.
func (g *Group) OpenAll(ctx context.Context, names []string, options ...OpenOption) ([]*Library,
	error) {
	if len(names) == 0 {
		return nil, nil
	}
	o, err := g.l.config.opening(options)
	if err != nil {
		return nil, asLoadError(err, names[0])
	}
	var libs []*Library
	closeAll := func(err error) error {
		for _, lib := range libs {
			err = errors.Join(err, g.CloseLibrary(context.WithoutCancel(ctx), lib))
		}
		return err
	}
	if !o.noLoad {
		var b wasm.Builder
		info := dylink.Info{Needed: names}
		b.CustomFirst(info.Section())
		bytes, err := b.Bytes()
		if err != nil {
			return nil, asLoadError(err, names[0])
		}
		as := slices.DeleteFunc(slices.Clone(options),
			func(o OpenOption) bool { return o == NoDelete })
		root, err := g.OpenBytes(ctx, fmt.Sprintf("%sall:%d", reservedPrefix, g.l.openings.Add(1)),
			bytes, as...)
		if err != nil {
			return nil, err
		}
		// the handles keep what it was for
		defer func() { _ = g.CloseLibrary(context.WithoutCancel(ctx), root) }()
	}
	for _, name := range names {
		lib, err := g.Open(ctx, name, options...)
		if err != nil {
			return nil, closeAll(err)
		}
		libs = append(libs, lib)
	}
	return libs, nil
}
