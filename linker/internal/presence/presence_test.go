package presence

import (
	"context"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/goroutine"
)

// must enters a thread, which has to succeed.
func must(t testing.TB, ctx context.Context, f *fake) *call {
	t.Helper()
	c, err := enter(ctx, f, false, goroutine.ID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *call) end(t testing.TB) {
	t.Helper()
	if err := c.leave(); err != nil {
		t.Fatal(err)
	}
}

// elsewhere runs f on another goroutine.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}

// Calls nest at random, within one thread and from one into another, with contexts of all ages. A
// stack is the model: only the context of the innermost call is good, the thread of that call has
// the goroutine in it, and the threads of the others are held and parked.
func TestNestingIsAStack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		threads := []*fake{{}, {}, {}}
		outside := []context.Context{context.Background(), context.TODO()}
		type level struct {
			c             *call
			thread        *fake
			leads, parked bool
		}
		var stack []level
		var left []*call // whose activation is over
		top := func() *level {
			if len(stack) == 0 {
				return nil
			}
			return &stack[len(stack)-1]
		}
		t.Repeat(map[string]func(*rapid.T){
			"call": func(t *rapid.T) {
				x := top()
				f := rapid.SampledFrom(threads).Draw(t, "thread")
				if x != nil && x.parked {
					t.Skip("it is in a system call")
				}
				var ctx context.Context
				if x == nil {
					ctx = rapid.SampledFrom(outside).Draw(t, "outside")
				} else {
					ctx = Uncancellable(x.c)
				}
				c, err := enter(ctx, f, x != nil && x.leads, goroutine.ID)
				var want error
				switch {
				case x == nil:
				case x.c.Replay:
					want = ErrReplay
				case x.leads && x.thread != f:
					want = ErrInOperation
				}
				if !errors.Is(err, want) {
					t.Fatalf("%v instead of %v", err, want)
				}
				if err != nil {
					return
				}
				c.Replay = x != nil && rapid.IntRange(0, 9).Draw(t, "replays") == 0
				stack = append(stack, level{c: c, thread: f, leads: x != nil && x.leads ||
					rapid.IntRange(0, 4).Draw(t, "leads") == 0})
			},
			"leave": func(t *rapid.T) {
				x := top()
				if x == nil {
					t.Skip("no call")
				}
				if err := x.c.leave(); err != nil {
					t.Fatal(err)
				}
				left = append(left, x.c)
				stack = stack[:len(stack)-1]
			},
			"system call": func(t *rapid.T) {
				x := top()
				switch {
				case x == nil:
					t.Skip("no call")
				case x.parked:
					if err := x.c.Unpark(x.c); err != nil {
						t.Fatal(err)
					}
				default:
					if err := x.c.Park(); err != nil {
						t.Fatal(err)
					}
				}
				x.parked = !x.parked
			},
			"suspended": func(t *rapid.T) {
				if len(stack) < 2 {
					t.Skip("no call is suspended")
				}
				x := stack[rapid.IntRange(0, len(stack)-2).Draw(t, "level")]
				want := ErrBusy
				if x.c.Replay {
					want = ErrReplay
				}
				if _, err := enter(x.c, x.thread, x.leads, goroutine.ID); err != want {
					t.Fatalf("%v instead of %v", err, want)
				}
			},
			"kept": func(t *rapid.T) {
				if len(left) == 0 {
					t.Skip("no context is kept")
				}
				c := rapid.SampledFrom(left).Draw(t, "kept")
				if slices.ContainsFunc(stack, func(l level) bool { return l.c == c }) {
					t.Skip("it is a later call's")
				}
				if _, err := enter(c, c.t, false, goroutine.ID); err != ErrStale {
					t.Fatalf("%v instead of %v", err, ErrStale)
				}
				if From(c) != nil {
					t.Fatal("it is not over")
				}
			},
			"": func(t *rapid.T) {
				for i, f := range threads {
					held := slices.ContainsFunc(stack, func(l level) bool { return l.thread == f })
					x := top()
					want := 0
					if x != nil && x.thread == f && !x.parked {
						want = 1
					}
					if free := f.lock.TryLock(); free == held {
						t.Fatalf("thread %d: held: %v, and it should be %v", i, !free, held)
					} else if free {
						f.lock.Unlock()
					}
					if f.inside != want {
						t.Fatalf("thread %d: %d inside instead of %d", i, f.inside, want)
					}
				}
			},
		})
	})
}

// The next call with a context uses the activation again, and takes no memory. With another one, or
// when the thread forgets it, it ends and its context is not watched any more.
func TestSpareServesItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	f := &fake{}
	first := must(t, ctx, f)
	first.end(t)
	if !first.Over() {
		t.Error("it is not over")
	}
	for range 3 {
		again := must(t, ctx, f)
		if again != first || again.Over() || !again.Plain() || From(again) != &first.Activation {
			t.Error("it is not used again")
		}
		again.end(t)
	}
	elsewhere(func() { // holds the thread, and comes by another number then
		again := must(t, ctx, f)
		if again != first || again.Plain() {
			t.Error("it is not used again by another goroutine")
		}
		again.end(t)
	})
	if f.watched != 1 {
		t.Errorf("%d contexts are watched", f.watched)
	}
	other := must(t, context.Background(), f)
	if other == first || f.watched != 1 {
		t.Errorf("of another context: %v, %d are watched", other == first, f.watched)
	}
	other.end(t)
	f.spare.Drop()
	if f.watched != 0 || !other.Over() || f.spare.At(context.Background()) != nil {
		t.Error("it is kept still")
	}
}

// plain is a context that cannot be compared.
type plain struct {
	context.Context
	_ []int
}

// A context that cannot be compared is never asked whether it is another one.
func TestSpareOfAnyContext(t *testing.T) {
	f := &fake{}
	ctx := plain{Context: context.Background()}
	first := must(t, ctx, f)
	first.end(t)
	if !first.Over() || f.watched != 0 {
		t.Error("it is kept")
	}
	second := must(t, ctx, f)
	if second == first {
		t.Error("it is used again")
	}
	second.end(t)
}

// A context is its goroutine's. Another one uses what belongs to no activation.
func TestContextsOfOthers(t *testing.T) {
	f, g := &fake{}, &fake{}
	c := must(t, context.Background(), f)
	elsewhere(func() {
		if _, err := enter(c, f, false, goroutine.ID); err != ErrForeign {
			t.Errorf("its context: %v", err)
		}
		must(t, Without(c), g).end(t)
	})
	ctx := Uncancellable(c)
	if a, err := Own(ctx); a != &c.Activation || err != nil || !IsUncancellable(ctx) ||
		IsUncancellable(c) {
		t.Errorf("a context that is not to be cancelled: %v %v", a, err)
	}
	c.end(t)
	if _, err := Own(ctx); err != ErrStale {
		t.Errorf("a stale one: %v", err)
	}
}

// A call that cannot go in leaves the one around it as it was.
func TestNestFails(t *testing.T) {
	for name, c := range map[string]struct {
		want error
		call func(t *testing.T, outer *call, other *fake) error
	}{
		"the same thread is dead": {errDead, func(_ *testing.T, outer *call, _ *fake) error {
			outer.t.dead = true
			defer func() { outer.t.dead = false }()
			_, err := enter(outer, outer.t, false, goroutine.ID)
			return err
		}},
		"another thread is dead": {errDead, func(_ *testing.T, outer *call, other *fake) error {
			other.dead = true
			_, err := enter(outer, other, false, goroutine.ID)
			return err
		}},
		"a thread further out": {context.Canceled, func(t *testing.T, outer *call,
			other *fake) error {
			in := must(t, outer, other)
			defer in.end(t)
			ctx, cancel := context.WithCancel(in)
			cancel()
			_, err := enter(ctx, outer.t, false, goroutine.ID)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f, other := &fake{}, &fake{}
			outer := must(t, context.Background(), f)
			if err := c.call(t, outer, other); !errors.Is(err, c.want) {
				t.Errorf("%v instead of %v", err, c.want)
			}
			if f.inside != 1 || other.inside != 0 || !other.lock.TryLock() {
				t.Errorf("%d and %d are inside", f.inside, other.inside)
			}
			must(t, outer, f).end(t) // it is not busy
			outer.end(t)
		})
	}
}

// The thread is parked while a function blocks, nothing enters it meanwhile, and what it ends with
// is what the thread says that it comes back to.
func TestBlock(t *testing.T) {
	f := &fake{resuming: []error{errDead}}
	c := must(t, context.Background(), f)
	err := c.Block(c, func() {
		if f.inside != 0 {
			t.Error("it is not parked")
		}
		if _, err := enter(c, f, false, goroutine.ID); err != ErrBusy {
			t.Errorf("a call: %v", err)
		}
		if err := c.Block(c, func() { t.Error("it blocks twice") }); err != ErrBusy {
			t.Errorf("it blocks: %v", err)
		}
	})
	if err != errDead || f.inside != 1 {
		t.Errorf("%v, and %d inside", err, f.inside)
	}
	must(t, c, f).end(t)
	c.end(t)
}

// What a system call has locked is released before the thread comes in again, for others may need
// that to let it in.
func TestSystemCallUnlocksFirst(t *testing.T) {
	f := &fake{}
	c := must(t, context.Background(), f)
	if err := c.Park(); err != nil {
		t.Fatal(err)
	}
	unlocked := 0
	c.Locked(func() {
		if unlocked++; f.inside != 0 {
			t.Error("the thread is resumed first")
		}
	})
	if err := c.Unpark(c); err != nil || unlocked != 1 || f.inside != 1 {
		t.Errorf("%v, unlocked %d times, %d inside", err, unlocked, f.inside)
	}
	c.end(t)
	if unlocked != 1 {
		t.Errorf("unlocked %d times", unlocked)
	}
}

// A system call that panics is ended with its activation.
func TestSystemCallPanics(t *testing.T) {
	f := &fake{}
	c := must(t, context.Background(), f)
	in := must(t, c, f)
	if err := in.Park(); err != nil {
		t.Fatal(err)
	}
	unlocked := 0
	in.Locked(func() {
		if unlocked++; f.resumed != 0 {
			t.Error("the thread is resumed first")
		}
	})
	if in.Plain() {
		t.Error("there is nothing to take care of")
	}
	in.end(t)
	if unlocked != 1 || f.resumed != 1 || f.inside != 1 {
		t.Errorf("unlocked %d times, resumed %d times, %d inside", unlocked, f.resumed, f.inside)
	}
	if err := c.Unpark(c); err != nil || f.resumed != 1 {
		t.Errorf("the call around it is parked: %v", err)
	}
	f.dead = true
	if err := c.Park(); err != errDead || f.inside != 1 {
		t.Errorf("parking when it is dead: %v", err)
	}
	c.end(t)
}
