package linker_test

import (
	"fmt"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// eachPthreads runs a test with a main module that has POSIX threads and a library that uses them,
// without and with loop safepoints.
func eachPthreads(t *testing.T, f func(t *testing.T, i *image, lib *linker.Library)) {
	for _, loops := range []bool{false, true} {
		t.Run(fmt.Sprintf("loop safepoints %t", loops), func(t *testing.T) {
			i := newImage(t, "main-pthread", "threads",
				func(c *linker.Config) *linker.Config { return c.WithLoopSafepoints(loops) })
			f(t, i, i.open("pthreads"))
		})
	}
}

// Threads count together under a mutex, each with storage of its own, while another group opens and
// closes libraries.
func TestPthreads(t *testing.T) {
	eachPthreads(t, func(t *testing.T, i *image, lib *linker.Library) {
		other := i.spawn()
		const n, times = 6, 300
		for round := range int32(3) {
			i.want(n, lib, "count_start", n, times)
			for range 4 {
				counter := other.open("counter")
				other.call(counter, "counter_next")
				if err := other.g.CloseLibrary(i.ctx, counter); err != nil {
					t.Error(err)
				}
			}
			i.want(n*times, lib, "count_join", n)
			i.want((round+1)*n*times, lib, "count_total")
			i.want(1, lib, "keys_made")
			i.want((round+1)*n, lib, "values_destroyed")
		}
		i.wait()
		i.want(0, linker.Default, "pthread_self")
	})
}

// Threads that wait call a function of a library that was loaded after they had begun.
func TestPthreadsCallWhatComesLater(t *testing.T) {
	eachPthreads(t, func(t *testing.T, i *image, lib *linker.Library) {
		other := i.spawn()
		const n = 5
		for k := range int32(n) {
			i.want(0, lib, "later_start", k, 10*k)
		}
		for i.call(lib, "later_waiting") < n { // each call is a safepoint, and lets them come
		}
		later := other.openBytes("later", library(t, dylink.Info{}, func(b *wasm.Builder) {
			b.ExportFunc("thrice_and_one",
				b.Func(b.Type(i32, i32), nil,
					new(wasm.Code).LocalGet(0).I32Const(3).I32Mul().I32Const(1).I32Add()))
		}))
		i.call(lib, "later_post", int32(other.symbol(later, "thrice_and_one")))
		for k := range int32(n) {
			i.want(30*k+1, lib, "later_join", k)
		}
		i.wait()
	})
}
