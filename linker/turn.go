package linker

import "context"

// WithParallelGroups makes the groups of a main module that was built without threads (its memory
// is not shared) run at the same time. The default is false: they take turns, because they share
// one heap without locks. A turn is a call from outside into a group, with all that it calls, in
// other groups too; it is not given up in the middle, not even while a host function waits, because
// the guest's libraries may be in the middle of something there. So a host function that waits for
// a call into another group waits until its context ends.
//
// It is for guests that share nothing that they change, or that the embedder keeps apart by itself.
// Groups of a main module that was built for threads always run at the same time.
func (c *Config) WithParallelGroups(on bool) *Config {
	return c.with(func(c *Config) { c.parallel = on })
}

// turn is what a goroutine has that runs code of the guest in an image whose groups take turns. nil
// stands for an image in which they need not. It comes before the locks of groups.
type turn chan struct{}

func newTurn(parallel bool) turn {
	if parallel {
		return nil
	}
	return make(turn, 1)
}

// take waits for the turn. The error is the context's.
func (t turn) take(ctx context.Context) error {
	if t == nil {
		return nil
	}
	select {
	case t <- struct{}{}:
		return nil
	default:
	}
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// give ends the turn.
func (t turn) give() {
	if t != nil {
		<-t
	}
}
