package linker

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// OpenAll opens several libraries as one load: each sees what the others define, data above all, in
// whatever order they are named, as if one library that needs them all had been opened. The result
// has a handle for each, in the order of the names. All that Open says of one library holds for
// them; if one cannot be opened, none is. It is one link operation. Each is closed by itself, and
// those that are left go on seeing each other.
func (g *Group) OpenAll(ctx context.Context, names []string, options ...OpenOption) ([]*Library,
	error) {
	if len(names) == 0 {
		return nil, nil
	}
	o, err := g.l.config.opening(options)
	if err != nil {
		return nil, asLoadError(err, names[0])
	}
	o.all = slices.Clone(names)
	var b wasm.Builder
	info := dylink.Info{Needed: o.all}
	b.CustomFirst(info.Section())
	bytes, err := b.Bytes()
	if err != nil {
		return nil, asLoadError(err, names[0])
	}
	name := fmt.Sprintf("%sall:%d", shim.ReservedPrefix, g.l.openings.Add(1))
	return g.openLibraries(ctx, loading{name: name, bytes: bytes, opening: o})
}
