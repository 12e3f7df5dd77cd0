package linker_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// What modules are made of works with loop safepoints as it does without, in four groups: each case
// is one group's work, with a library that another group has opened.
func TestLoopSafepointsChangeNothing(t *testing.T) {
	for _, tt := range []struct {
		name, library string
		use           func(g *image, lib *linker.Library, n int32)
	}{
		{"thread-local storage", "tls", func(g *image, lib *linker.Library, _ int32) {
			g.want(501, lib, "tls_next")
			g.want(502, lib, "tls_next")
			g.want(1, lib, "tls_zero_next", 2)
		}},
		{"longjmp across libraries", "jump", func(g *image, lib *linker.Library, n int32) {
			for _, x := range []int32{1, 3, 7, 5} {
				g.want(x, lib, "jump_run", x)
			}
			g.want(3*(n+1), lib, "jump_count")
		}},
		{"threads and atomic waits", "thread", func(g *image, lib *linker.Library, n int32) {
			g.want(4*50, lib, "thread_run", g.call(lib, "thread_function", threadAdd), 50, 4)
			g.want(200*(n+1), lib, "thread_total")
			g.want(2, lib, "thread_wait", 0) // no notify wakes it
		}},
		{"closures", "closure", func(g *image, lib *linker.Library, n int32) {
			if got := g.unary(uint32(g.call(lib, "closure_made")), n); got != 2*n+5 {
				g.Errorf("the closure returns %d", got)
			}
		}},
		{"shared data, and circles", "circle_a", func(g *image, _ *linker.Library, n int32) {
			g.open("counter")
			g.want(101+n, linker.Default, "counter_next")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := newImage(t, "main-pie", "threads",
				func(c *linker.Config) *linker.Config { return c.WithLoopSafepoints(true) })
			groups := []*image{i, i.spawn(), i.spawn()}
			lib := groups[1].open(tt.library)
			groups = append(groups, i.spawn())
			for n, g := range groups {
				tt.use(g, lib, int32(n))
			}
			i.wait()
		})
	}
}
