package coord_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// A group that comes to its safepoints only when it is asked is asked once for each operation, when
// that is published: not before, and not for work that changes nothing.
func TestAttention(t *testing.T) {
	for strategy, waiting := range map[string]coord.Waiting{"notified": coord.Notified(),
		"polling": coord.Polling(coord.ReferenceBackoff())} {
		t.Run(strategy, func(t *testing.T) {
			ctx := context.Background()
			asked := make(chan struct{}, 100)
			im := newImage(t, 3,
				coord.Config{Waiting: waiting, OnAttention: func() { asked <- struct{}{} }})
			member := im.members[1]
			enter(t, member)
			for n, payload := range []string{"a", "b", "c"} {
				if _, err := im.link(ctx, 2, &work{unchanged: true}); err != nil {
					t.Fatal(err)
				}
				done := make(chan error, 1)
				go func() {
					_, err := im.link(ctx, 0, &work{payload: payload, before: func() {
						if len(asked) > 0 {
							t.Error("asked before the operation is published")
						}
					}})
					done <- err
				}()
				<-asked
				for im.Commits() == uint64(n) {
					if err := member.Safepoint(ctx); err != nil {
						t.Fatal(err)
					}
				}
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if len(asked) > 0 {
					t.Error("asked twice for one operation")
				}
			}
			im.wantEntries(t, "a", "b", "c")
			member.Park()
		})
	}
}

// A group that computes is asked, too, when the image is poisoned by an operation in which no group
// needed to be asked to take part.
func TestAttentionWhenPoisoned(t *testing.T) {
	var asked atomic.Int32
	im := newImage(t, 3, coord.Config{OnAttention: func() { asked.Add(1) }})
	im.tables[1].failUndo = true
	im.tables[2].failOn = "bad"
	if _, err := im.link(context.Background(), 0, &work{payload: "bad"}); !errors.Is(err,
		coord.ErrPoisoned) {
		t.Fatalf("error %v", err)
	}
	if asked.Load() == 0 {
		t.Error("nobody was asked to look")
	}
	if err := im.members[1].Safepoint(context.Background()); !errors.Is(err, coord.ErrPoisoned) {
		t.Errorf("a safepoint of a poisoned image: %v", err)
	}
}
