package coord_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// A goroutine that wants to enter a group which the leader is acting for waits at the door. The end
// of the operation lets it in, whatever came of it, and a context that ends sends it away without a
// trace.
func TestEnterWaitsAtTheDoor(t *testing.T) {
	for name, c := range map[string]struct {
		fails, gives bool
	}{
		"commit":   {},
		"rollback": {fails: true},
		"cancel":   {gives: true},
	} {
		t.Run(name, func(t *testing.T) {
			im := newImage(t, 3, coord.Config{})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			entered := make(chan error, 1)
			become := func(want protocol.Mode) {
				for im.State().Mode[1] != want {
					runtime.Gosched()
				}
			}
			im.tables[1].onApply = func() {
				im.tables[1].onApply = nil
				go func() { entered <- im.members[1].Enter(ctx) }()
				become(protocol.Waking)
				if c.gives {
					cancel()
					become(protocol.Parked)
				}
			}
			if c.fails {
				im.tables[2].failOn = "x"
			}
			_, err := im.link(context.Background(), 0, &work{payload: "x"})
			if failed := err != nil; failed != c.fails {
				t.Fatalf("link: %v", err)
			}
			if c.gives {
				if err := <-entered; !errors.Is(err, context.Canceled) {
					t.Errorf("enter: %v, want context.Canceled", err)
				}
				if mode := im.State().Mode[1]; mode != protocol.Parked {
					t.Errorf("the group is %s", mode)
				}
				return
			}
			if err := <-entered; err != nil {
				t.Fatal(err)
			}
			im.members[1].Park()
		})
	}
}
