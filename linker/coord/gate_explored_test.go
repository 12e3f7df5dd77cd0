package coord_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// Every schedule of goroutines that go in and out, lead and end groups: no data race between what
// is inside a group and what a leader does for it, no deadlock, and nothing is applied twice or not
// at all.
func TestGateExplored(t *testing.T) {
	type act func(r *explore.Run, groups [2]*coord.Member, sides [2]*plain)
	inOut := func(g, times int) act {
		return func(r *explore.Run, groups [2]*coord.Member, sides [2]*plain) {
			for range times {
				switch err := groups[g].Enter(context.Background()); {
				case errors.Is(err, coord.ErrGroupClosed):
					return
				case err != nil:
					r.Failf("enter: %v", err)
					return
				}
				_ = sides[g].applied
				groups[g].Park()
			}
		}
	}
	lead := func(g int) act {
		return func(r *explore.Run, groups [2]*coord.Member, sides [2]*plain) {
			if err := linkIn(groups[g], sides[g]); err != nil {
				r.Failf("link: %v", err)
			}
		}
	}
	crash := func(g int) act {
		return func(_ *explore.Run, groups [2]*coord.Member, _ [2]*plain) { groups[g].Crash(nil) }
	}
	for name, c := range map[string]struct {
		acts []act
		want [2]int // what each group has applied; -1: any number
	}{
		"in and out against a leader": {[]act{inOut(1, 2), lead(0)}, [2]int{1, 1}},
		"two leaders":                 {[]act{lead(1), lead(0)}, [2]int{2, 2}},
		"in and out against a crash":  {[]act{inOut(1, 2), crash(1)}, [2]int{0, 0}},
		"a leader against a crash":    {[]act{lead(0), crash(1)}, [2]int{1, -1}},
		"in and out against leader and crash": {[]act{inOut(1, 1), lead(0), crash(1)},
			[2]int{1, -1}},
		"in and out of both against a leader": {
			[]act{func(r *explore.Run, g [2]*coord.Member, s [2]*plain) {
				inOut(0, 1)(r, g, s)
				lead(0)(r, g, s)
			}, inOut(1, 3)}, [2]int{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			explore.Check(t, func(r *explore.Run) {
				groups, sides, err := plainImage(coord.Config{})
				if err != nil {
					r.Failf("%v", err)
					return
				}
				var waits []func()
				for _, a := range c.acts {
					waits = append(waits, r.Go("", func() { a(r, groups, sides) }))
				}
				for _, wait := range waits {
					wait()
				}
				for g, want := range c.want {
					if got := sides[g].applied; want >= 0 && got != want {
						r.Failf("group %d has applied %d, want %d", g, got, want)
					}
				}
			})
		})
	}
}
