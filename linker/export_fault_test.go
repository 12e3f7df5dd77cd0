package linker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/space"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// WithHook sets what is called at every point of the linker's work.
func (c *Config) WithHook(f func(ctx context.Context, g *Group, point string) error) *Config {
	return c.with(func(c *Config) {
		c.inject = func(ctx context.Context, group any, p failpoint.Point) error {
			g, _ := group.(*Group)
			return f(ctx, g, string(p))
		}
	})
}

// Points names the places at which a load can fail.
var Points = struct {
	Memory, Instantiate, Publish, Replay, Constructed, Added, Build, Built, Stack,
	Unload string
}{
	string(failpoint.Memory), string(failpoint.Instantiate), string(failpoint.Publish),
	string(failpoint.Replay),
	string(failpoint.Constructed),
	string(failpoint.Added), string(failpoint.Build), string(failpoint.Built),
	string(failpoint.Stack),
	string(failpoint.Unload)}

// Poison leads an operation that one group cannot follow and another one cannot take back.
func (g *Group) Poison(ctx context.Context, fails *Group, cause error) error {
	return g.inside(ctx, func(ctx context.Context, act *activation) error {
		return act.run(ctx, protocol.LoadModules, func(ctx context.Context, op *linkOp) error {
			return op.perform(ctx, poisonStep{leader: g, fails: fails, cause: cause})
		})
	})
}

type poisonStep struct {
	leader, fails *Group
	cause         error
}

func (s poisonStep) Apply(_ context.Context, sp *space.Space) error {
	if sp == &s.fails.space {
		return s.cause
	}
	return nil
}

func (s poisonStep) Undo(_ context.Context, sp *space.Space) error {
	if sp != &s.leader.space {
		return s.cause
	}
	return nil
}

// Wanted reports whether another group waits for a lock that the group's operation has.
func (g *Group) Wanted() bool { return g.member.Wanted() }

// Dying reports whether something has ended the group.
func (g *Group) Dying() bool { return g.cause.Load() != nil }

// Instances is how many instances of its own the group has that are not closed. The caller is the
// goroutine to which they belong.
func (g *Group) Instances() (n int) {
	for _, mod := range g.space.Everything() {
		if !mod.IsClosed() {
			n++
		}
	}
	return n
}

// Details is what [Linker.Snapshot] does not tell and a failed operation must leave alone too:
// which function every table entry holds in every group, by its identity in the engine; the values
// of all GOT entries; the free lists.
func (l *Linker) Details(ctx context.Context) (lines []string) {
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, g := range l.groups.list() {
		err := g.inside(ctx,
			func(ctx context.Context, _ *activation) error { return g.details(ctx, add) })
		if err != nil {
			add("group %d: error: %v", g.id, err)
		}
	}
	err := l.first.inside(ctx, func(ctx context.Context, _ *activation) error {
		return l.first.member.WithState(ctx, func() error {
			s := &l.state
			// A failed operation may leave entries in quarantine, see
			// TestPointersOfAFailedLoadRest.
			used := uint64(s.slots.Length) - s.slots.Quarantined
			for r := range s.slots.Free.All {
				used -= uint64(r.Size)
			}
			add("slots: %d in use", used)
			add("links: length %d, free %v", s.plt.Length, slices.Collect(s.plt.Free.All))
			add("closures: free %v, resting %v, live %v", s.closures.Free, s.closures.Quarantined,
				slices.Sorted(keys(s.closures.Live.All)))
			add("committed: %v", s.snapshot == l.committed.Load())
			return nil
		})
	})
	if err != nil {
		add("error: %v", err)
	}
	return lines
}

func (g *Group) details(ctx context.Context, add func(string, ...any)) error {
	var b wasm.Builder
	table := b.ImportTable(shim.TableNamespace, "table", wasm.TableType{Elem: wasm.FuncRef})
	b.ExportFunc("get", b.Func(b.Type([]wasm.ValType{wasm.I32}, []wasm.ValType{wasm.FuncRef}), nil,
		new(wasm.Code).LocalGet(0).TableGet(table)))
	bytes, err := b.Bytes()
	if err != nil {
		return err
	}
	compiled, err := g.l.shared.Runtime.CompileModule(ctx, bytes)
	if err != nil {
		return err
	}
	defer compiled.Close(ctx)
	mod, err := g.l.shared.InstantiateIn(ctx, compiled, g.space.Namespace)
	if err != nil {
		return err
	}
	defer mod.Close(ctx)
	get := mod.ExportedFunction("get")
	for slot := range g.space.Slots {
		r, err := get.Call(ctx, uint64(slot))
		if err != nil {
			return err
		}
		if r[0] != 0 {
			add("group %d: entry %d holds %#x", g.id, slot, r[0])
		}
	}
	for m, inst := range g.space.Instances {
		for i, br := range inst.Shims {
			if i >= len(space.CodeOf(m).Shims) {
				// it belongs to the instance alone, such as what says where its thread-local
				// storage is
				break
			}
			for _, x := range space.CodeOf(m).Shims[i].Bindings {
				if x.Imp.Kind == wasm.KindGlobal {
					add("group %d: %s: %s.%s = %d", g.id, m.Name, x.Imp.Module, x.Imp.Name,
						value(br.ExportedGlobal(x.Imp.Name)))
				}
			}
		}
	}
	add("group %d: spaces %s", g.id, strings.Join(slices.Sorted(maps.Keys(g.space.Imports)), " "))
	for _, index := range slices.Sorted(maps.Keys(g.space.Resolved)) {
		add("group %d: link %d is %s", g.id, index, g.space.Resolved[index].Name)
	}
	return nil
}

func value(g api.Global) uint64 {
	if g == nil {
		return 0
	}
	return g.Get()
}

// TableLength returns the number of entries of the function table that all groups have agreed on.
func (l *Linker) TableLength() uint32 { return l.state.slots.Length }

// IdleCodes returns how much unused compiled code is kept.
func (l *Linker) IdleCodes() int {
	return l.shared.Cache.Idle()
}

// PointerOwners tells whose each entry of the function table is that is a library's.
func (l *Linker) PointerOwners() map[uint32]string {
	s, owners := l.committed.Load(), map[uint32]string{}
	for fn, slot := range s.Pointers.All {
		owners[slot] = fn.Name + " of " + fn.Mod.Name
	}
	for _, m := range s.Search {
		for k := range m.Table.Size {
			owners[m.Table.Base+k] = fmt.Sprintf("function %d of %s", k, m.Name)
		}
	}
	return owners
}
