package coord_test

import (
	"context"
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// stubborn is a participant that cannot undo.
type stubborn struct {
	table
	undo func() error
}

func (s *stubborn) Undo(context.Context, coord.Operation) error { return s.undo() }

// Two groups that cannot undo find out at the same time, one by itself, one by
// the leader that acts for it: the image is poisoned once, by the first. The
// other, and one that has just undone, change nothing any more.
func TestFailedUndosAtTheSameTimePoisonOnce(t *testing.T) {
	errUndo := errors.New("undo")
	for name, second := range map[string]error{"both fail": errUndo, "one fails": nil} {
		t.Run(name, func(t *testing.T) {
			im := newImage(t, 2, coord.Config{})
			im.tables[1].failOn = "bad"
			failed := make(chan struct{})
			attach := func(undo func() error) *coord.Member {
				enter(t, im.members[0])
				child, err := im.members[0].Spawn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				im.members[0].Park()
				m, err := child.Attach(t.Context(),
					func(context.Context, int) (coord.Participant, error) {
						return &stubborn{undo: undo}, nil
					})
				if err != nil {
					t.Fatal(err)
				}
				return m
			}
			inBoth := make(chan struct{})
			running := attach(func() error { <-inBoth; return errUndo })
			// parked: the leader's goroutine undoes for it
			attach(func() error { close(inBoth); <-failed; return second })
			enter(t, running)
			result := make(chan error, 1)
			go func() {
				err := drive(t.Context(), running, nil)
				close(failed)
				result <- err
			}()
			_, err := im.link(t.Context(), 0, &work{payload: "bad"})
			var poison *coord.PoisonError
			if !errors.As(err, &poison) || poison.Group != 2 || !errors.Is(err, errApply) {
				t.Errorf("the leader: %v, want the poison of group 2", err)
			}
			if again := <-result; again != error(poison) {
				t.Errorf("the group that failed first: %v, want the same error", again)
			}
			if err := im.Err(); err != error(poison) {
				t.Errorf("Err: %v, want the same error", err)
			}
		})
	}
}
