package coord_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// errExpected is the cause of what the stress test breaks on purpose.
var errExpected = errors.New("broken on purpose")

// stressTable checks what a group sees: entries arrive only in the order of the log.
type stressTable struct {
	mu      sync.Mutex
	entries []string
	fail    func() bool
}

func (s *stressTable) Apply(_ context.Context, op coord.Operation) error {
	if s.fail != nil && s.fail() {
		return errExpected
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, op.Payload.(string))
	return nil
}

func (s *stressTable) Undo(context.Context, coord.Operation) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = s.entries[:len(s.entries)-1]
	return nil
}

// stressWork appends one entry everywhere.
type stressWork struct {
	s      *stress
	own    *stressTable
	entry  string
	cancel func()
	slots  bool // make closure slots, if there are still none
}

func (w *stressWork) Do(ctx context.Context) (coord.Operation, bool, error) {
	op := coord.Operation{Kind: protocol.LoadModules, Payload: w.entry}
	if w.cancel != nil {
		w.cancel()
	}
	if w.slots {
		op.Kind = protocol.AllocateFunctionTable
		if w.s.image.State().Free > 0 { // the second look
			return op, false, nil
		}
	}
	if err := w.own.Apply(ctx, op); err != nil {
		return op, false, err
	}
	return op, true, nil
}

func (w *stressWork) Undo(ctx context.Context) error { return w.own.Undo(ctx, coord.Operation{}) }

func (w *stressWork) Commit(number uint64) { w.s.log = append(w.s.log, w.entry) }

// stress is an image under stress. log and its order are written by Commit only.
type stress struct {
	image *coord.Coordinator
	log   []string

	mu    sync.Mutex
	alive map[*coord.Member]*stressTable
}

// one goroutine in one group: it links, cancels, allocates, spawns, sleeps,
// leaves and dies at random.
func (s *stress) run(t *testing.T, wg *sync.WaitGroup, m *coord.Member, own *stressTable,
	seed uint64, depth int) {
	defer wg.Done()
	rng := rand.New(rand.NewPCG(seed, uint64(m.ID())))
	ctx := context.Background()
	check := func(what string, err error) bool {
		if err == nil || errors.Is(err, errExpected) || errors.Is(err, context.Canceled) ||
			errors.Is(err, coord.ErrTooManyGroups) {
			return true
		}
		t.Errorf("group %d: %s: %v", m.ID(), what, err)
		return false
	}
	for i := range 60 {
		if !check("enter", m.Enter(ctx)) {
			return
		}
		w := &stressWork{s: s, own: own, entry: fmt.Sprintf("%d/%d/%d", seed, m.ID(), i)}
		switch n := rng.IntN(20); {
		case n < 8:
			_, err := m.Link(ctx, w)
			check("link", err)
		case n < 10:
			c, cancel := context.WithCancel(ctx)
			w.cancel = cancel
			_, err := m.Link(c, w)
			cancel()
			check("cancelled link", err)
		case n < 13:
			check("closure", s.closure(ctx, m, own))
		case n < 16:
			check("safepoint", m.Safepoint(ctx))
		case n < 18 && depth > 0:
			s.spawn(t, wg, m, rng.Uint64(), depth-1)
		case n == 18 && i > 30:
			s.drop(m)
			check("detach", m.Detach(ctx))
			leaveLate(m)
			return
		case n == 19 && i > 30:
			s.drop(m)
			m.Crash(errExpected)
			leaveLate(m)
			return
		}
		m.Park()
	}
}

// leaveLate is a goroutine on its way out of a group that has ended. Another group may have its
// slot by now.
func leaveLate(m *coord.Member) {
	for range 20 {
		runtime.Gosched()
		m.Park()
	}
}

// closure takes a closure slot and gives it back, and has slots made if there are none.
func (s *stress) closure(ctx context.Context, m *coord.Member, own *stressTable) error {
	var ok bool
	err := m.WithState(ctx, func() (err error) {
		if ok, err = m.AllocateClosure(); err != nil || !ok {
			return err
		}
		_, err = m.FreeClosure()
		return err
	})
	if err != nil || ok {
		return err
	}
	_, err = m.Link(ctx, &stressWork{s: s, own: own, entry: "slots", slots: true})
	return err
}

func (s *stress) spawn(t *testing.T, wg *sync.WaitGroup, parent *coord.Member, seed uint64,
	depth int) {
	child, err := parent.Spawn(context.Background())
	if errors.Is(err, coord.ErrTooManyGroups) {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	wg.Add(1)
	go func() { // the token moves with the child
		own := &stressTable{fail: failRarely(seed)}
		m, err := child.Attach(context.Background(),
			func(context.Context, int) (coord.Participant, error) {
				own.entries = slices.Clone(s.log)
				if seed%5 == 0 {
					return nil, errExpected
				}
				return own, nil
			})
		if err != nil {
			if !errors.Is(err, errExpected) {
				t.Error(err)
			}
			wg.Done()
			return
		}
		s.mu.Lock()
		s.alive[m] = own
		s.mu.Unlock()
		s.run(t, wg, m, own, seed, depth)
	}()
}

func (s *stress) drop(m *coord.Member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.alive, m)
}

// failRarely makes about one replay in fifty fail.
func failRarely(seed uint64) func() bool {
	rng := rand.New(rand.NewPCG(seed, 1))
	return func() bool { return rng.IntN(50) == 0 }
}

// Many goroutines do everything at once. Every state must keep the invariants,
// and in the end all groups have the same entries: those of the log, in order.
func TestStress(t *testing.T) {
	for name, waiting := range map[string]func() coord.Waiting{
		"notified": coord.Notified,
		// The reference's phases with shorter sleeps: with its own numbers a run takes minutes.
		"polling": func() coord.Waiting {
			return coord.Polling(coord.Backoff{Spins: 8, Yields: 24, InitialSleep: 1000,
				ShiftLimit: 4, MaxSleep: 10_000})
		},
	} {
		t.Run(name, func(t *testing.T) {
			total := map[protocol.Action]int{}
			for seed := range uint64(4) {
				s := &stress{alive: map[*coord.Member]*stressTable{}}
				own := &stressTable{fail: failRarely(seed)}
				steps := map[protocol.Action]int{}
				c, first, err := coord.New(coord.Config{Waiting: waiting(), MaxGroups: 12,
					Observer: func(e coord.Event) {
						steps[e.Step.Action]++
						if err := e.State.Check(); err != nil {
							t.Errorf("seed %d: after %s: %v\n%s", seed, e.Step, err, e.State)
						}
					}}, own)
				if err != nil {
					t.Fatal(err)
				}
				s.image = c
				s.alive[first] = own
				var wg sync.WaitGroup
				for i := range uint64(4) {
					if err := first.Enter(context.Background()); err != nil {
						t.Fatal(err)
					}
					s.spawn(t, &wg, first, seed*4+i, 2)
					first.Park()
				}
				wg.Add(1)
				go s.run(t, &wg, first, own, seed, 2)
				wg.Wait()
				if err := c.Err(); err != nil {
					t.Fatal(err)
				}
				if got := c.Commits(); got != uint64(len(s.log)) || got == 0 {
					t.Errorf("seed %d: %d commits, %d in the log", seed, got, len(s.log))
				}
				for m, own := range s.alive {
					if !slices.Equal(own.entries, s.log) {
						t.Errorf("seed %d: group %d has %d entries that differ from the log's %d",
							seed, m.ID(), len(own.entries), len(s.log))
					}
				}
				for a, n := range steps {
					total[a] += n
				}
			}
			for _, a := range protocol.Actions() {
				// Other tests do these; no goroutine that goes in has to come to a closed door.
				elsewhere := slices.Contains([]protocol.Action{protocol.ActFailUndo,
					protocol.ActFailRollback, protocol.ActWake, protocol.ActCancelWake}, a)
				if total[a] == 0 && !elsewhere {
					t.Errorf("the stress never performed %s", a)
				}
			}
		})
	}
}
