package linker_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// replayLoop is an image with loop safepoints and two groups, and a library whose start function
// computes for ever in every group but the first.
type replayLoop struct {
	*image
	other   *image
	lib     []byte
	looping chan int // the number of a group whose start function is about to loop
}

func newReplayLoop(t *testing.T) *replayLoop {
	rt, r := newRuntime(t), &replayLoop{looping: make(chan int, 10)}
	hostModule(t, rt, "env", map[string]func(context.Context, int32) int32{
		"follows": func(ctx context.Context, _ int32) int32 {
			id := linker.GroupFromContext(ctx).ID()
			if id > 0 {
				r.looping <- id
			}
			return int32(id)
		}})
	r.image = newImageIn(t, rt, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithLoopSafepoints(true) })
	r.lib = library(t, dylink.Info{}, func(b *wasm.Builder) {
		follows := b.ImportFunc("env", "follows", b.Type(i32, i32))
		b.Start(b.Func(b.Type(nil, nil), nil, new(wasm.Code).I32Const(0).Call(follows).
			If().Loop().Br(0).End().End()))
	})
	return r
}

// load loads the library on another goroutine, and returns when a replay of it loops.
func (r *replayLoop) load(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := r.g.OpenBytes(ctx, "endless", r.lib)
		done <- err
	}()
	<-r.looping
	return done
}

// A start function that computes for ever in a replay ends with the context of the load, which
// fails then and leaves nothing; the group in which it was replayed goes on.
func TestLoopInReplay(t *testing.T) {
	for _, inside := range []bool{false, true} {
		name := "by the leader"
		if inside {
			name = "by the group itself"
		}
		t.Run(name, func(t *testing.T) {
			r := newReplayLoop(t)
			r.other = r.spawn()
			r.open("counter")
			gate := r.call(linker.Default, "malloc", 4)
			r.call(linker.Default, "poke32", gate, 0)
			var called <-chan error
			if inside { // its goroutine computes, and replays at a safepoint
				lib := r.openBytes("gate", library(t, dylink.Info{}, waitsForGate))
				called = r.other.goCall(r.ctx, lib, "until", gate)
			}
			var before []string
			if !inside { // else looking would wait for the group
				before = r.l.Snapshot(r.ctx)
			}
			reason := errors.New("enough")
			ctx, cancel := context.WithCancelCause(r.ctx)
			done := r.load(ctx)
			cancel(reason)
			var replay *coord.ReplayError
			var interrupted *linker.InterruptedError
			err := <-done
			if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) ||
				!errors.As(err, &replay) || !errors.As(err, &interrupted) ||
				interrupted.Group != r.other.g.ID() {
				t.Errorf("the load: %v", err)
			}
			if inside {
				r.call(linker.Default, "poke32", gate, 1)
				if err := <-called; err != nil {
					t.Errorf("the call of the other group: %v", err)
				}
			} else if after := r.l.Snapshot(r.ctx); !slices.Equal(before, after) {
				t.Errorf("before: %q\nafter: %q", before, after)
			}
			r.other.want(101, linker.Default, "counter_next")
			if err := r.l.Err(); err != nil {
				t.Error(err)
			}
			r.open("data")
		})
	}
}

// waitsForGate makes a library whose function until computes until a word of the memory is not 0.
func waitsForGate(b *wasm.Builder) {
	b.ImportMemory("env", "memory",
		wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
	b.ExportFunc("until", b.Func(b.Type(i32, i32), nil, new(wasm.Code).
		Loop().LocalGet(0).I32Load(0).I32Eqz().BrIf(0).End().LocalGet(0).I32Load(0)))
}

// So does closing the linker, or the group that loads, end it. Closing the group in which it is
// replayed waits for it, as long as its context says.
func TestCloseDuringEndlessReplay(t *testing.T) {
	for name, c := range map[string]struct {
		close func(r *replayLoop) error
		want  error // that of the load
	}{
		"the linker": {func(r *replayLoop) error { return r.l.Close(r.ctx) }, linker.ErrClosed},
		"the leader": {func(r *replayLoop) error { return r.g.Close(r.ctx) },
			linker.ErrGroupClosed},
		"the follower, in vain": {func(r *replayLoop) error {
			ctx, cancel := context.WithCancel(r.ctx)
			cancel()
			if err := r.other.g.Close(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("closing the follower: %v", err)
			}
			return r.l.Close(r.ctx)
		}, linker.ErrClosed},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReplayLoop(t)
			r.other = r.spawn()
			done := r.load(r.ctx)
			if err := c.close(r); err != nil {
				t.Errorf("closing: %v", err)
			}
			var interrupted *linker.InterruptedError
			if err := <-done; !errors.Is(err, c.want) || !errors.As(err, &interrupted) {
				t.Errorf("the load: %v", err)
			}
			if name == "the leader" {
				r.other.open("counter")
			}
		})
	}
}

// A group whose start functions compute for ever is not built: that ends with the context of Spawn,
// or with Close.
func TestLoopInSpawn(t *testing.T) {
	for _, closes := range []bool{false, true} {
		r := newReplayLoop(t)
		r.openBytes("endless", r.lib)
		ctx, cancel := context.WithCancel(r.ctx)
		done := make(chan error, 1)
		go func() {
			child, err := r.g.Spawn(ctx)
			if child != nil {
				t.Error("a group and an error")
			}
			done <- err
		}()
		<-r.looping
		want := context.Canceled
		if closes {
			want = linker.ErrClosed
			if err := r.l.Close(r.ctx); err != nil {
				t.Error(err)
			}
		} else {
			cancel()
		}
		if err := <-done; !errors.Is(err, want) {
			t.Errorf("Spawn: %v, want %v", err, want)
		}
		cancel()
		if closes {
			continue
		}
		if n := len(r.l.Groups()); n != 1 {
			t.Errorf("%d groups", n)
		}
		r.open("counter")
	}
}
