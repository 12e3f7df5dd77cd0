package presence

import (
	"context"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
	"github.com/lockstep-wasm/lockstep/linker/internal/goroutine"
)

// Every schedule of two goroutines that call twice into one thread: one at a time is inside, and
// the context of the call is good in it, nowhere else, and never again (tla/Stays.tla: OneIsIn,
// StaysAreTheirs).
func TestPresenceExplored(t *testing.T) {
	for name, c := range map[string]struct {
		same    bool // both use one context
		nested  bool
		crosses bool
	}{
		"one context":             {same: true},
		"two contexts":            {},
		"one context, nested":     {same: true, nested: true},
		"two, and another thread": {crosses: true},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, func(r *explore.Run) {
				f, other := &fake{}, &fake{}
				in := 0 // touched by who is inside: the explorer finds two
				kept := make(chan context.Context, 8)
				visit := func(ctx context.Context) {
					act, err := enter(ctx, f, false, goroutine.ID)
					if err != nil {
						r.Failf("it does not get in: %v", err)
						return
					}
					in++
					if a, err := Own(act); a != &act.Activation || err != nil {
						r.Failf("its own context: %v", err)
					}
					select {
					case old := <-kept:
						if a, err := Own(old); err == nil && a != &act.Activation {
							r.Failf("the context of an earlier call is good")
						}
					default:
					}
					at := f
					if c.crosses {
						at = other
					}
					if c.nested || c.crosses {
						nested, err := enter(act, at, false, goroutine.ID)
						if err == nil {
							err = nested.leave()
						}
						if err != nil {
							r.Failf("a nested call: %v", err)
						}
					}
					kept <- act
					in--
					if err := act.leave(); err != nil {
						r.Failf("it does not get out: %v", err)
					}
				}
				contexts := []context.Context{context.Background(), context.TODO()}
				if c.same {
					contexts[1] = contexts[0]
				}
				wait := r.Go("", func() { visit(contexts[1]); visit(contexts[1]) })
				visit(contexts[0])
				visit(contexts[0])
				wait()
				if in != 0 || f.inside != 0 || other.inside != 0 {
					r.Failf("%d, %d and %d are inside", in, f.inside, other.inside)
				}
				for range len(kept) {
					if _, err := Own(<-kept); err == nil {
						r.Failf("a context is good when its call is over")
					}
				}
			})
		})
	}
}
