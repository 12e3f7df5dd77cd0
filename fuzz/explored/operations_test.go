package explored_test

import (
	"context"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
	"github.com/lockstep-wasm/lockstep/linker"
)

// operation is a public operation as the explorer takes it: its argument is the number of the
// group.
func operation(name string, do func(ctx context.Context, w *world, i int,
	g *linker.Group) []any) explore.Operation[*world] {
	return explore.Operation[*world]{Name: name, Args: [][]any{{0, 1}},
		Do: func(w *world, args ...any) []any {
			i := args[0].(int)
			return do(context.Background(), w, i, w.groups[i])
		}}
}

// only is an operation of which the error alone counts.
func only(name string, do func(ctx context.Context, w *world, i int,
	g *linker.Group) error) explore.Operation[*world] {
	return operation(name, func(ctx context.Context, w *world, i int, g *linker.Group) []any {
		return []any{class(do(ctx, w, i, g))}
	})
}

// operations are the public operations, some of them in several ways.
func operations() []explore.Operation[*world] {
	return []explore.Operation[*world]{
		only("Open", func(ctx context.Context, _ *world, _ int, g *linker.Group) error {
			_, err := g.Open(ctx, "libcounter.wasm")
			return err
		}),
		only("OpenAgain", func(ctx context.Context, _ *world, _ int, g *linker.Group) error {
			_, err := g.Open(ctx, "libother.wasm")
			return err
		}),
		only("OpenNeeding", func(ctx context.Context, _ *world, _ int, g *linker.Group) error {
			_, err := g.Open(ctx, "libdiamond_top.wasm")
			return err
		}),
		only("OpenCancelled", func(_ context.Context, w *world, i int, g *linker.Group) error {
			_, err := g.Open(w.ctxs[i], "libbss.wasm")
			return err
		}),
		operation("Cancel", func(_ context.Context, w *world, i int, _ *linker.Group) []any {
			w.cancels[1-i]() // what the other group does
			return nil
		}),
		only("CloseLibrary", func(ctx context.Context, w *world, _ int, g *linker.Group) error {
			return g.CloseLibrary(ctx, w.shared)
		}),
		operation("SymbolFirst", func(ctx context.Context, w *world, _ int, g *linker.Group) []any {
			s, err := g.Symbol(ctx, w.shared, "other_negate_address")
			if err == nil {
				w.mu.Lock()
				w.got = append(w.got, s.Pointer)
				w.mu.Unlock()
			}
			return []any{class(err), s.Pointer != 0}
		}),
		operation("SymbolAgain", func(ctx context.Context, w *world, _ int, g *linker.Group) []any {
			s, err := g.Symbol(ctx, w.shared, "other_add")
			return []any{class(err), s.Pointer == w.known}
		}),
		operation("Call", func(ctx context.Context, w *world, _ int, g *linker.Group) []any {
			r, err := g.Call(ctx, w.shared, "other_add", 1)
			return []any{class(err), r}
		}),
		operation("CallPointer", func(ctx context.Context, w *world, _ int, g *linker.Group) []any {
			r, err := g.CallPointer(ctx, w.known, []api.ValueType{i32}, []api.ValueType{i32}, 1)
			return []any{class(err), r}
		}),
		operation("AllocateClosure",
			func(ctx context.Context, w *world, _ int, g *linker.Group) []any {
				slot, err := g.AllocateClosure(ctx)
				return []any{class(err), slot == w.slot || slot == w.set}
			}),
		only("SetClosure", func(ctx context.Context, w *world, _ int, g *linker.Group) error {
			return g.SetClosure(ctx, w.slot, w.shared, "other_add")
		}),
		only("FreeClosure", func(ctx context.Context, w *world, _ int, g *linker.Group) error {
			return g.FreeClosure(ctx, w.set)
		}),
		only("Spawn", func(ctx context.Context, w *world, _ int, g *linker.Group) error {
			spawned, err := g.Spawn(ctx)
			if err == nil {
				w.mu.Lock()
				w.spawned = append(w.spawned, spawned)
				w.mu.Unlock()
			}
			return err
		}),
		only("CloseGroup", func(ctx context.Context, _ *world, _ int, g *linker.Group) error {
			return g.Close(ctx)
		}),
		only("CloseLinker", func(ctx context.Context, w *world, _ int, _ *linker.Group) error {
			return w.l.Close(ctx)
		}),
		// What is there before the number was read is there.
		operation("Readers", func(_ context.Context, w *world, _ int, _ *linker.Group) []any {
			before, libraries, after := w.l.Commits(), len(w.l.Libraries()), w.l.Commits()
			return []any{before == after && before == w.commits && libraries != w.libraries,
				class(w.l.Err())}
		}),
		only("Exit", func(ctx context.Context, w *world, _ int, g *linker.Group) error {
			_, err := g.CallPointer(ctx, w.exit, nil, nil)
			return err
		}),
		// A call within a call, in group 0: the first group's is nested, the second's crosses.
		operation("Nested", func(ctx context.Context, w *world, _ int, g *linker.Group) []any {
			r, err := g.CallPointer(ctx, w.nest, nil, []api.ValueType{i32})
			return []any{class(err), r}
		}),
		// A call with a context that a Go function has kept, of a call that is over, or of another
		// goroutine that is under way.
		only("KeptContext", func(_ context.Context, w *world, _ int, g *linker.Group) error {
			w.mu.Lock()
			ctx := w.kept
			w.mu.Unlock()
			_, err := g.CallPointer(ctx, w.known, []api.ValueType{i32}, []api.ValueType{i32}, 1)
			return err
		}),
		operation("Addr", func(_ context.Context, w *world, _ int, _ *linker.Group) []any {
			info, ok := w.l.Addr(w.known, linker.Function)
			return []any{info.Symbol, ok}
		}),
	}
}
