package trace_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// errExpected is the cause of what the runs break on purpose.
var errExpected = errors.New("broken on purpose")

// table is a group that can do everything but now and then fails to follow.
type table struct{ rng *rand.Rand }

func (t *table) Apply(context.Context, coord.Operation) error {
	if t.rng.IntN(20) == 0 {
		return errExpected
	}
	return nil
}

func (*table) Undo(context.Context, coord.Operation) error { return nil }

// work is an operation of a kind; cancel, if not nil, ends its context half-way.
type work struct {
	kind   protocol.OpKind
	idle   func() bool // there is nothing to do any more; may be nil
	cancel func()
}

func (w work) Do(context.Context) (coord.Operation, bool, error) {
	if w.cancel != nil {
		w.cancel()
	}
	return coord.Operation{Kind: w.kind}, w.idle == nil || !w.idle(), nil
}

func (work) Undo(context.Context) error { return nil }

func (work) Commit(uint64) {}

// run is a coordinator with groups that do everything there is at random.
type run struct {
	t     testing.TB
	wg    sync.WaitGroup
	image *coord.Coordinator
}

// record runs groups at random and returns what the observer wrote.
func record(t testing.TB, seed uint64) []byte {
	t.Helper()
	var file bytes.Buffer
	rec := trace.NewRecorder(&file)
	own := &table{rand.New(rand.NewPCG(seed, 99))}
	image, first, err := coord.New(coord.Config{Observer: rec.Observe, MaxGroups: 10}, own)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{t: t, image: image}
	r.wg.Add(1)
	go r.group(first, rand.New(rand.NewPCG(seed, 0)), 2, false)
	r.wg.Wait()
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Bytes()
}

// group is what the goroutine of a group does.
func (r *run) group(m *coord.Member, rng *rand.Rand, depth int, mortal bool) {
	defer r.wg.Done()
	ctx := context.Background()
	for i := range 30 {
		if m.Enter(ctx) != nil {
			return
		}
		switch n := rng.IntN(20); {
		case n < 6:
			r.link(ctx, m, work{kind: protocol.LoadModules})
		case n < 8:
			r.link(ctx, m, work{kind: protocol.ResolveFunction,
				idle: func() bool { return n == 7 }})
		case n < 10:
			c, cancel := context.WithCancel(ctx)
			r.link(c, m, work{kind: protocol.UnloadModules, cancel: cancel})
			cancel()
		case n < 14:
			r.closure(ctx, m)
		case n < 18 && depth > 0:
			r.spawn(ctx, m, rng, depth-1)
		case n == 18 && i > 10 && mortal:
			if err := m.Detach(ctx); err != nil {
				r.t.Error(err)
			}
			return
		case n == 19 && i > 10 && mortal:
			m.Crash(errExpected)
			return
		}
		m.Park()
	}
}

func (r *run) link(ctx context.Context, m *coord.Member, w work) {
	if _, err := m.Link(ctx, w); err != nil && !errors.Is(err, errExpected) &&
		!errors.Is(err, context.Canceled) {
		r.t.Error(err)
	}
}

func (r *run) closure(ctx context.Context, m *coord.Member) {
	none := false
	err := m.WithState(ctx, func() error {
		ok, err := m.AllocateClosure()
		none = !ok
		if ok && err == nil {
			_, err = m.FreeClosure()
		}
		return err
	})
	if err != nil {
		r.t.Error(err)
	}
	if none {
		r.link(ctx, m, work{kind: protocol.AllocateFunctionTable,
			idle: func() bool { return r.image.State().Free > 0 }})
	}
}

func (r *run) spawn(ctx context.Context, m *coord.Member, rng *rand.Rand, depth int) {
	child, err := m.Spawn(ctx)
	if errors.Is(err, coord.ErrTooManyGroups) {
		return
	}
	if err != nil {
		r.t.Error(err)
		return
	}
	seed := rng.Uint64()
	r.wg.Add(1)
	go func() {
		own := &table{rand.New(rand.NewPCG(seed, 1))}
		n, err := child.Attach(ctx, func(context.Context, int) (coord.Participant, error) {
			if seed%5 == 0 {
				return nil, errExpected
			}
			return own, nil
		})
		if err != nil {
			r.wg.Done()
			return
		}
		r.group(n, rand.New(rand.NewPCG(seed, 2)), depth, true)
	}()
}

// read reads a trace that must be in order.
func read(t testing.TB, file []byte) *trace.Trace {
	t.Helper()
	tr, err := trace.Read(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}
