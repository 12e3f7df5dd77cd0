package linker

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/loops"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/table"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Snapshot describes everything that a failed operation must leave as it was: data areas, table
// entries and what they hold in every group, handles, records. Blocks that wait to be freed count
// as free. Compilations that were given up have ended.
func (l *Linker) Snapshot(ctx context.Context) (lines []string) {
	_ = l.shared.Cache.Settle(ctx)
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	regions, owned := l.heap.Live()
	for i, r := range regions {
		of := ""
		if owned[i] {
			of = " of a group"
		}
		add("region %#x: %d bytes%s", r.Base, r.Size, of)
	}
	err := l.first.inside(ctx, func(ctx context.Context, _ *activation) error {
		return l.first.member.WithState(ctx, func() error {
			l.describe(add)
			return nil
		})
	})
	if err != nil {
		add("error: %v", err)
	}
	for _, g := range l.groups.list() {
		err := g.inside(ctx,
			func(ctx context.Context, _ *activation) error { return g.describe(ctx, add) })
		if err != nil {
			add("group %d: error: %v", g.id, err)
		}
	}
	return lines
}

func (l *Linker) describe(add func(string, ...any)) {
	s := &l.state
	for _, scope := range []*image.Snapshot{s.snapshot, l.committed.Load()} {
		for _, m := range scope.Search {
			add("search %s: %d handles, memory %v, table %v", m.Name, m.Handles.Load(), m.Memory,
				m.Table)
		}
		for _, m := range scope.Order {
			add("order %s", m.Name)
		}
		for _, name := range slices.Sorted(keys(scope.Names.All)) {
			add("name %s: %s", name, scope.Names.At(name).Name)
		}
		for _, file := range slices.Sorted(keys(scope.Files.Paths.All)) {
			add("file %s: %s", file, scope.Files.Paths.At(file).Name)
		}
		var pointers []string
		for fn, slot := range scope.Pointers.All {
			pointers = append(pointers,
				fmt.Sprintf("pointer %d: %s of %s", slot, fn.Name, fn.Mod.Name))
		}
		slices.Sort(pointers)
		for _, p := range pointers {
			add("%s", p)
		}
	}
	add("slots: %d, links: %d, closures: %d free, %d live",
		used(&s.slots.Slots)-uint32(s.slots.Quarantined), used(&s.plt),
		len(s.closures.Free)+len(s.closures.Quarantined), s.closures.Live.Len())
}

// keys are the keys of a map.
func keys[K, V any](all iter.Seq2[K, V]) iter.Seq[K] {
	return func(yield func(K) bool) {
		for k := range all {
			if !yield(k) {
				return
			}
		}
	}
}

// used returns how many entries of a table are handed out, or in quarantine.
func used(s *table.Slots) uint32 {
	n := s.Length
	for f := range s.Free.All {
		n -= f.Size
	}
	return n
}

func (g *Group) describe(ctx context.Context, add func(string, ...any)) error {
	holds, err := g.tableContents(ctx)
	if err != nil {
		return err
	}
	for slot, type_ := range holds {
		if type_ {
			add("group %d: entry %d is taken", g.id, slot)
		}
	}
	mods := slices.Collect(maps.Keys(g.space.Instances))
	slices.SortFunc(mods, func(a, b *image.Module) int { return cmp.Compare(a.ID, b.ID) })
	for _, m := range mods {
		if g.space.Instances[m].Mod != nil {
			add("group %d: instance of %s", g.id, m.Name)
		}
	}
	add("group %d: %d links, %d filled", g.id, len(g.space.PLT), len(g.space.Resolved))
	return nil
}

// tableContents tells for every entry of the function table whether it holds something.
func (g *Group) tableContents(ctx context.Context) ([]bool, error) {
	bytes, err := buildProbe()
	if err != nil {
		return nil, err
	}
	compiled, err := g.l.shared.Runtime.CompileModule(ctx, bytes)
	if err != nil {
		return nil, err
	}
	defer compiled.Close(ctx)
	mod, err := g.l.shared.InstantiateIn(ctx, compiled, g.space.Namespace)
	if err != nil {
		return nil, err
	}
	defer mod.Close(ctx)
	out := make([]bool, g.space.Slots)
	for i := range out {
		r, err := mod.ExportedFunction("null").Call(ctx, uint64(i))
		if err != nil {
			return nil, err
		}
		out[i] = r[0] == 0
	}
	return out, nil
}

// buildProbe writes a module that tells whether a table entry is null.
func buildProbe() ([]byte, error) {
	var b wasm.Builder
	table := b.ImportTable(shim.TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	i32 := []wasm.ValType{wasm.I32}
	b.ExportFunc("null",
		b.Func(b.Type(i32, i32), nil, new(wasm.Code).LocalGet(0).TableGet(table).RefIsNull()))
	return b.Bytes()
}

// What tests of loop safepoints count with.
const (
	PollRounds = loops.Rounds
	HostLoop   = hostLoop
)

// Waiting is how many guests wait in an atomic wait.
func (l *Linker) Waiting() int { return l.futexes.Waiting() }

// Groups are the groups that are being built, live, or dying.
func (l *Linker) Groups() []*Group { return l.groups.list() }

// End ends a group from outside, as an exit in another group does.
func (g *Group) End(cause error) { g.die(cause) }
