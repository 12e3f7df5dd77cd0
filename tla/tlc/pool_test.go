package tlc

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/lockstep-wasm/lockstep/tla"
)

func TestRunPool(t *testing.T) {
	const jobs = 3
	var models []tla.Model
	for _, workers := range []int{0, 1, 3, 2, 9, 1, 1} {
		models = append(models, tla.Model{Name: fmt.Sprint(len(models)), Workers: workers})
	}
	var busy atomic.Int64
	all := runPool(t.Context(), models, jobs,
		func(_ context.Context, m tla.Model, workers int) finished {
			if n := busy.Add(int64(workers)); n > jobs {
				t.Errorf("%d threads at a time, want at most %d", n, jobs)
			}
			runtime.Gosched()
			busy.Add(int64(-workers))
			return finished{model: m, workers: workers}
		})
	var workers []int
	for i, f := range all {
		if f.model.Name != models[i].Name {
			t.Errorf("result %d is of model %s", i, f.model.Name)
		}
		workers = append(workers, f.workers)
	}
	if want := []int{1, 1, 3, 2, 3, 1, 1}; !slices.Equal(workers, want) {
		t.Errorf("threads %v, want %v", workers, want)
	}
	one := runPool(t.Context(), models[:1], jobs,
		func(_ context.Context, m tla.Model, workers int) finished {
			return finished{model: m, workers: workers}
		})
	if one[0].workers != runtime.NumCPU() {
		t.Errorf("a single model gets %d threads, want %d", one[0].workers, runtime.NumCPU())
	}
}
