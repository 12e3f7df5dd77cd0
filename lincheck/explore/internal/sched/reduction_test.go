package sched_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/atomic"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/rt"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/shim/sync"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/strategy"
)

// shared is what random programs work on.
type shared struct {
	words [3]atomic.Int64
	locks [2]sync.Mutex
	rw    sync.RWMutex
	cond  *sync.Cond
	wg    sync.WaitGroup
	full  chan int // has a buffer
	bare  chan int // has none
	done  chan struct{}
	saw   [][]string // by task
}

// action is a statement of a random program.
type action struct {
	kind, which int
	body        []action
}

const kinds = 16

func randomAction(rng *rand.Rand, depth int) action {
	a := action{kind: rng.IntN(kinds), which: rng.IntN(3)}
	if depth == 0 && (a.kind == 3 || a.kind == 4 || a.kind == 5) {
		a.kind = rng.IntN(3)
	}
	if a.kind >= 3 && a.kind <= 5 {
		a.body = randomBody(rng, 1+rng.IntN(2), depth-1)
	}
	return a
}

func randomBody(rng *rand.Rand, n, depth int) (body []action) {
	for range n {
		body = append(body, randomAction(rng, depth))
	}
	return body
}

// do performs actions as task number id.
func (s *shared) do(id int, body []action) {
	see := func(format string, args ...any) {
		s.saw[id] = append(s.saw[id], fmt.Sprintf(format, args...))
	}
	for _, a := range body {
		switch a.kind {
		case 0:
			see("w%d=%d", a.which, s.words[a.which].Load())
		case 1:
			s.words[a.which].Store(int64(10*id + len(s.saw[id])))
		case 2:
			see("add%d", s.words[a.which].Add(1))
		case 3:
			m := &s.locks[a.which%2]
			m.Lock()
			s.do(id, a.body)
			m.Unlock()
		case 4:
			s.rw.RLock()
			s.do(id, a.body)
			s.rw.RUnlock()
		case 5:
			s.rw.Lock()
			s.do(id, a.body)
			s.rw.Unlock()
		case 6:
			see("cas %v", s.words[a.which].CompareAndSwap(0, int64(id+1)))
		case 7:
			rt.Send(s.full)(id)
		case 8:
			v, ok := rt.Recv2(s.full)
			see("got %d %v", v, ok)
		case 9:
			rt.Send(s.bare)(id)
		case 10:
			see("bare %d", rt.Recv(s.bare))
		case 11:
			r, b, w := rt.Receiving(s.full), rt.Receiving(s.bare), rt.Sending(s.bare)(id)
			i := rt.Select(a.which == 0, r, b, w)
			see("select %d %d %d", i, r.Value, b.Value)
		case 12:
			s.locks[0].Lock()
			s.cond.Wait()
			see("woken")
			s.locks[0].Unlock()
		case 13:
			if a.which == 0 {
				s.cond.Broadcast()
			} else {
				s.cond.Signal()
			}
		case 14:
			see("try %v", s.locks[a.which%2].TryLock())
		case 15:
			c := rt.Receiving(s.done)
			i := rt.Select(a.which > 0, c)
			see("done %d", i)
		}
	}
}

// numbers of objects depend on which was used first.
var numbers = regexp.MustCompile(`#[0-9]+`)

// outcomes are the results of all runs of a search, failures included.
func outcomes(tasks [][]action, search sched.Search, limit int) (found []string, runs int,
	all bool) {
	set := map[string]bool{}
	var s *shared
	main := func(t *sched.Task) {
		s = &shared{saw: make([][]string, len(tasks)), full: rt.Make(make(chan int, 1)),
			bare: rt.Make(make(chan int)), done: rt.Make(make(chan struct{}))}
		s.cond = sync.NewCond(&s.locks[0])
		s.wg.Add(len(tasks) - 1)
		for id, body := range tasks {
			t.Go("", func() {
				s.do(id, body)
				if id == 0 {
					s.wg.Wait()
					rt.Close(s.done)
				} else {
					s.wg.Done()
				}
			})
		}
	}
	sched.Exclusive(func() {
		sched.Explore(main, search, sched.Options{}, func(r *sched.Result) bool {
			runs++
			if !r.Pruned {
				out := fmt.Sprint(s.saw, " ")
				for i := range s.words {
					out += fmt.Sprint(s.words[i].Load(), " ")
				}
				if r.Failure != nil {
					out += numbers.ReplaceAllString(r.Failure.Error(), "")
				}
				set[out] = true
			}
			return runs < limit
		})
	})
	for o := range set {
		found = append(found, o)
	}
	slices.Sort(found)
	return found, runs, search.Exhausted()
}

// With and without the reduction, the same is found.
func TestReductionFindsTheSame(t *testing.T) {
	const limit = 2000
	compared, full, reduced := 0, 0, 0
	programs := 600
	if testing.Short() {
		programs = 150
	}
	for seed := range uint64(programs) {
		rng := rand.New(rand.NewPCG(seed, 7))
		tasks := make([][]action, 2+rng.IntN(2))
		for i := range tasks {
			tasks[i] = randomBody(rng, 1+rng.IntN(5-len(tasks)), 1)
		}
		everything := sched.Strategies(strategy.DepthFirst(strategy.Unbounded, limit))
		want, n, all := outcomes(tasks, everything, limit)
		if !all {
			continue
		}
		got, m, all := outcomes(tasks, sched.Reduced(0), 2*limit)
		if !all {
			t.Errorf("seed %d: %d schedules, and more with the reduction", seed, n)
		}
		if !slices.Equal(got, want) {
			for _, w := range want {
				if !slices.Contains(got, w) {
					t.Logf("missing: %s", w)
				}
			}
			t.Fatalf("seed %d: %v\n%d outcomes in %d schedules, want %d in %d\n", seed, tasks,
				len(got), m, len(want), n)
		}
		compared, full, reduced = compared+1, full+n, reduced+m
	}
	t.Logf("%d programs: %d schedules, %d with the reduction", compared, full, reduced)
	if compared < programs/3 || reduced*3 > full {
		t.Errorf("%d programs, %d schedules of %d: the reduction does little", compared, reduced,
			full)
	}
}
