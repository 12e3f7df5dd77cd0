package linker_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// A failure is made at every point of every operation, in every group, in several ways; then
// everything has to be as it was before, and the same operation has to work.

var errInjected = errors.New("injected")

// visit is one arrival at a point.
type visit struct {
	group int // -1 for none
	point string
}

// meddler is a hook that counts, and does something at one visit.
type meddler struct {
	mu     sync.Mutex
	armed  bool
	at     int // the visit, from 0
	act    func(v visit) error
	failAt func(v visit) error // asked at every visit
	visits []visit
}

func (m *meddler) hook(_ context.Context, g *linker.Group, point string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.armed {
		return nil
	}
	v := visit{-1, point}
	if g != nil {
		v.group = g.ID()
	}
	m.visits = append(m.visits, v)
	if m.act != nil && len(m.visits) == m.at+1 {
		return m.act(v)
	}
	if m.failAt != nil {
		return m.failAt(v)
	}
	return nil
}

// during runs f, doing act at a visit.
func (m *meddler) during(at int, act func(v visit) error, f func() error) error {
	m.arm(true, at, act)
	defer m.arm(false, at, nil)
	return f()
}

func (m *meddler) arm(armed bool, at int, act func(v visit) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.armed, m.at, m.act = armed, at, act; armed {
		m.visits = nil
	}
}

// scenario is an operation to be disturbed.
type scenario struct {
	name string
	// prepare is run once.
	prepare func(i *image)
	// do is the operation; use checks its result in a group, whatever was disturbed before; undo
	// reverses it.
	do   func(ctx context.Context, leader *image) (any, error)
	use  func(i *image, result any)
	undo func(leader *image, result any) error
}

func opening(name string, use func(i *image, lib *linker.Library)) scenario {
	return scenario{
		name: "open " + name,
		do: func(ctx context.Context, leader *image) (any, error) {
			return leader.g.Open(ctx, "lib"+name+".wasm")
		},
		use: func(i *image, r any) { use(i, r.(*linker.Library)) },
		undo: func(leader *image, r any) error {
			return leader.g.CloseLibrary(leader.ctx, r.(*linker.Library))
		},
	}
}

// scenarios are the operations that can be taken back, so that each can be repeated in one image.
func scenarios(threads bool) []scenario {
	all := []scenario{
		// needs libother; relocations, function pointers
		opening("data", func(i *image, lib *linker.Library) {
			i.want(1003, lib, "data_call", 2, 3)
			i.want(6, lib, "data_call", 3, 3)
			i.want(11, lib, "data_read_other")
		}),
		// links into what is instantiated later
		opening("circle_a", func(i *image, lib *linker.Library) {
			if i.call(lib, "circle_a", 3) == 0 {
				i.Error("circle_a(3) = 0")
			}
		}),
		opening("ctor", func(i *image, lib *linker.Library) {}),
		{
			name:    "resolve",
			prepare: func(i *image) { i.open("fnptr") },
			do: func(ctx context.Context, leader *image) (any, error) {
				lib, err := leader.g.Open(leader.ctx, "libcounter.wasm")
				if err != nil {
					return nil, err
				}
				resolved := false
				defer func() {
					if !resolved { // an error, or a panic, of which the group died
						_ = leader.l.Main().CloseLibrary(leader.ctx, lib)
					}
				}()
				_, err = leader.g.Symbol(ctx, lib, "counter_next")
				resolved = err == nil
				return lib, err
			},
			use: func(i *image, r any) {
				pointer := i.symbol(r.(*linker.Library), "counter_next")
				if r, err := i.g.CallPointer(i.ctx, pointer, nil, []byte{0x7f}); err != nil ||
					r[0] <= 100 {
					i.Errorf("counter_next through its pointer: %v, %v", r, err)
				}
			},
			undo: func(leader *image, r any) error {
				return leader.g.CloseLibrary(leader.ctx, r.(*linker.Library))
			},
		},
		{
			name: "spawn",
			prepare: func(i *image) {
				i.open("fnptr")
				i.symbol(linker.Default, "fnptr_unreferenced")
			},
			do: func(ctx context.Context, leader *image) (any, error) {
				return leader.g.Spawn(ctx)
			},
			use: func(i *image, r any) {
				if got := i.in(r.(*linker.Group)).unary(i.symbol(linker.Default,
					"fnptr_unreferenced"), 1); got != 4 {
					i.Errorf("fnptr_unreferenced(1) = %d in the new group", got)
				}
			},
			undo: func(_ *image, r any) error {
				return r.(*linker.Group).Close(context.Background())
			},
		},
	}
	if threads {
		all = append(all, opening("tls", func(i *image, lib *linker.Library) {
			if i.call(lib, "tls_next") <= 500 {
				i.Error("tls_next is not initialised")
			}
		}))
	}
	return all
}

// faultyImage is an image whose work can be disturbed.
func faultyImage(t *testing.T, main, libs string) (*image, *meddler, *books) {
	m := &meddler{}
	b := newBooks(newRuntime(t))
	i := newImageIn(t, b, main, libs,
		func(c *linker.Config) *linker.Config { return c.WithHook(m.hook) })
	return i, m, b
}

// ledger is all that must be as before.
func ledger(i *image, b *books) []string {
	return append(records(i, b), fmt.Sprintf("%d goroutines", goroutines()))
}

// records is the ledger without the goroutines, of which the engine's may take a while to end.
func records(i *image, b *books) []string {
	lines := i.l.Snapshot(i.ctx)
	details := i.l.Details(i.ctx)
	slices.Sort(details)
	instances, codes := b.open()
	return append(append(lines, details...),
		fmt.Sprintf("libraries: %v", i.l.Libraries()),
		fmt.Sprintf("%d instances, %d codes", instances, codes-i.l.IdleCodes()))
}

func eachFaulty(t *testing.T, f func(t *testing.T, main, libs string, s scenario)) {
	for _, m := range []struct{ main, libs string }{{"main-pie", "threads"},
		{"main-exe", "plain"}} {
		if testing.Short() && m.main != "main-pie" {
			continue
		}
		for _, s := range scenarios(m.libs == "threads") {
			t.Run(m.main+"/"+s.name, func(t *testing.T) { f(t, m.main, m.libs, s) })
		}
	}
}

// stage is an image with three groups in which a scenario is played.
type stage struct {
	*image
	m   *meddler
	b   *books
	s   scenario
	all []*image
}

func newStage(t *testing.T, main, libs string, s scenario) *stage {
	i, m, b := faultyImage(t, main, libs)
	if s.prepare != nil {
		s.prepare(i)
	}
	return &stage{i, m, b, s, []*image{i, i.spawn(), i.spawn()}}
}

// succeed performs the operation undisturbed, uses it in all groups and takes it back.
func (s *stage) succeed(leader *image) {
	s.Helper()
	r, err := s.s.do(leader.ctx, leader)
	if err != nil {
		s.Fatal(err)
	}
	s.finish(leader, r)
}

func (s *stage) finish(leader *image, r any) {
	s.Helper()
	for _, g := range s.all {
		s.s.use(g, r)
	}
	if err := s.s.undo(leader, r); err != nil {
		s.Fatal(err)
	}
}

// visits returns which points the operation comes to.
func (s *stage) visits(leader *image) (visits []visit) {
	s.Helper()
	s.succeed(leader) // what is compiled at the first use stays
	err := s.m.during(-1, nil, func() error {
		r, err := s.s.do(leader.ctx, leader)
		visits = slices.Clone(s.m.visits)
		if err == nil {
			err = s.s.undo(leader, r)
		}
		return err
	})
	if err != nil || len(visits) < 3 {
		s.Fatal(visits, err)
	}
	return visits
}

// same fails the test if the ledger has changed.
func (s *stage) same(before []string, what string, at visit) {
	s.Helper()
	if after := ledger(s.image, s.b); !slices.Equal(before, after) {
		s.Fatalf("%s at %q in group %d: the image has changed:\n%s", what, at.point, at.group,
			difference(before, after))
	}
}

// An error at any point in any group leaves everything as it was, and the next operation works.
func TestErrorAtEveryPoint(t *testing.T) {
	eachFaulty(t, func(t *testing.T, main, libs string, sc scenario) {
		s := newStage(t, main, libs, sc)
		for _, leader := range s.all[:2] {
			visits := s.visits(leader)
			before := ledger(s.image, s.b)
			for k, v := range visits {
				err := s.m.during(k, func(visit) error { return errInjected }, func() error {
					_, err := sc.do(leader.ctx, leader)
					return err
				})
				if !errors.Is(err, errInjected) {
					t.Fatalf("error at %q in group %d: %v", v.point, v.group, err)
				}
				s.same(before, "error", v)
				s.succeed(leader)
				s.same(before, "success after an error", v)
			}
			t.Logf("%d points", len(visits))
		}
	})
}

// The end of the context at any point leaves everything as it was; or, when the operation had been
// decided, it succeeds as if nothing had happened.
func TestCancelAtEveryPoint(t *testing.T) {
	eachFaulty(t, func(t *testing.T, main, libs string, sc scenario) {
		s := newStage(t, main, libs, sc)
		leader := s.all[1]
		visits := s.visits(leader)
		before := ledger(s.image, s.b)
		cancelled := 0
		for k, v := range visits {
			ctx, cancel := context.WithCancel(leader.ctx)
			var r any
			err := s.m.during(k, func(visit) error { cancel(); return nil }, func() (err error) {
				r, err = sc.do(ctx, leader)
				return err
			})
			cancel()
			switch {
			case errors.Is(err, context.Canceled):
				cancelled++
			case err != nil:
				t.Fatalf("cancelled at %q in group %d: %v", v.point, v.group, err)
			default:
				s.finish(leader, r)
			}
			s.same(before, "cancelled", v)
		}
		t.Logf("%d of %d ended early", cancelled, len(visits))
	})
}

// attempt runs f and returns what it panicked with, too.
func attempt(f func() error) (panicked any, err error) {
	defer func() { panicked = recover() }()
	return nil, f()
}

// A panic at any point, which is the linker's own mistake or that of a file system, ends at most
// the group in which it happens. Its memory and entries are given back, no operation waits for it,
// and the others go on.
func TestPanicAtEveryPoint(t *testing.T) {
	eachFaulty(t, func(t *testing.T, main, libs string, sc scenario) {
		i, m, b := faultyImage(t, main, libs)
		if sc.prepare != nil {
			sc.prepare(i)
		}
		enter := func() *stage { return &stage{i, m, b, sc, []*image{i, i.spawn(), i.spawn()}} }
		leave := func(s *stage) {
			for _, g := range s.all[1:] {
				if err := g.g.Close(i.ctx); err != nil {
					t.Fatal(err)
				}
			}
		}
		s := enter()
		visits := s.visits(s.all[1])
		leave(s)
		before := ledger(i, b)
		died := 0
		for k, v := range visits {
			if v.group == 0 && sc.name != "spawn" {
				continue // the first group is who looks at the others
			}
			s := enter()
			leader := s.all[1]
			var r any
			panicked, err := attempt(func() error {
				return m.during(k, func(visit) error { panic(errInjected) }, func() (err error) {
					r, err = sc.do(i.ctx, leader)
					return err
				})
			})
			if panicked != nil && panicked != any(errInjected) {
				t.Fatalf("panic at %q in group %d: %v", v.point, v.group, panicked)
			}
			s.all = slices.DeleteFunc(s.all, func(g *image) bool {
				_, err := g.try(linker.Default, "main_twice", 1)
				if err != nil && !errors.Is(err, linker.ErrGroupClosed) {
					t.Fatalf("panic at %q in group %d: %v", v.point, v.group, err)
				}
				return err != nil
			})
			died += 3 - len(s.all)
			switch {
			case panicked == nil && err == nil: // a follower's death does not stop the others
				s.finish(s.all[0], r)
			case panicked == nil && !errors.Is(err, errInjected):
				t.Fatalf("panic at %q in group %d: %v", v.point, v.group, err)
			}
			s.succeed(s.all[len(s.all)-1])
			leave(s)
			s.same(before, "panic", v)
		}
		t.Logf("%d points, %d groups died", len(visits), died)
	})
}
