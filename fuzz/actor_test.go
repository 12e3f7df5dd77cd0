package fuzz_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// verb is something that a group's goroutine can do.
type verb uint8

const (
	runs          verb = iota // guest code
	safepoint                 // takes part in what is pending
	sleeps                    // parks, and enters again
	links                     // a link operation
	looksAgain                // a link operation that finds nothing to do
	failsWork                 // a link operation that fails in the leader
	failsReplay               // a link operation that fails in the group of target
	poisons                   // one that fails there, and cannot be undone elsewhere
	panicsReplay              // a link operation whose replay panics in the group of target
	panicsWork                // the leader dies in its own work
	killsInReplay             // a link operation during whose replay the group of target is killed
	closure                   // takes a closure slot, and has more made if there are none
	freesClosure              // gives one back
	leases                    // takes the lease and gives it back
	handsOver                 // takes the lease and lets another goroutine link with it
	tries                     // TryLease and TryWithState
	spawns                    // a child, which does what child says
	failsSpawn                // a child that cannot be built
	abortsSpawn               // a child that is given up
	kills                     // takes the group of target out, wherever it is
	crashes                   // dies
	leaves                    // detaches
	verbs                     // how many there are
)

var verbNames = [verbs]string{"runs", "safepoint", "sleeps", "links", "looksAgain", "failsWork",
	"failsReplay", "poisons", "panicsReplay",
	"panicsWork", "killsInReplay", "closure", "freesClosure", "leases", "handsOver", "tries",
	"spawns", "failsSpawn", "abortsSpawn",
	"kills", "crashes", "leaves"}

func (v verb) String() string { return verbNames[v] }

// ending is how the context of an action ends.
type ending uint8

const (
	never     ending = iota
	cancelled        // another task cancels it, at any point
	timed            // it has a deadline in virtual time
)

// act is one action of a group's goroutine.
type act struct {
	Verb   verb
	Target protocol.Group // failsReplay, panicsReplay, killsInReplay, kills
	Ends   ending
	Child  []act // spawns
}

func (a act) String() string {
	text := a.Verb.String()
	switch a.Verb {
	case failsReplay, poisons, panicsReplay, killsInReplay, kills:
		text += "(" + a.Target.String() + ")"
	case spawns:
		text += fmt.Sprint(a.Child)
	}
	return text + [...]string{"", "/cancelled", "/timed"}[a.Ends]
}

// actor is the goroutine of a group.
type actor struct{ *instances }

// start makes a task of what happens in a group.
func (w *world) start(in *instances, acts []act) {
	w.s.Go(in.name, func() { w.play(in, acts) })
}

// play enters a group, does everything in turn, and leaves it parked.
func (w *world) play(in *instances, acts []act) {
	a := &actor{in}
	if !a.ok("enter", act{}, in.m.Enter(context.Background())) {
		return
	}
	for _, next := range acts {
		w.s.Logf("%s", next)
		if !a.perform(next) {
			return
		}
	}
	in.m.Park()
}

// ok judges an error: whether there is an excuse for it, and whether the group goes on.
func (a *actor) ok(what string, cause act, err error) bool {
	var replay *coord.ReplayError
	switch {
	case err == nil:
		return true
	case errors.Is(err, coord.ErrPoisoned):
		if !a.w.poison {
			a.w.s.Failf("%s: %s: %v, and the image is not", a.name, what, err)
		}
		return false
	case errors.Is(err, coord.ErrGroupClosed) && !errors.As(err, &replay):
		if a.live && !a.m.Gone() {
			a.w.s.Failf("%s: %s: %v, and the group is alive", a.name, what, err)
		}
		return false
	case errors.Is(err, context.Canceled) && cause.Ends == cancelled:
	case errors.Is(err, context.DeadlineExceeded) && cause.Ends == timed:
	case errors.As(err, &replay) && (cause.Verb == failsReplay || cause.Verb == poisons):
	case errors.Is(err, errWork) && cause.Verb == failsWork:
	case errors.Is(err, errBuild) && cause.Verb == failsSpawn:
	case errors.Is(err, coord.ErrTooManyGroups) &&
		(cause.Verb == spawns || cause.Verb == failsSpawn || cause.Verb == abortsSpawn):
	default:
		a.w.s.Failf("%s: %s: %v", a.name, what, err)
	}
	return a.live
}

// timeout is the virtual time after which timed actions end.
const timeout = time.Second

// context makes the context of an action, which may end in the middle of it.
func (a *actor) context(next act) (context.Context, context.CancelFunc) {
	if next.Ends == timed {
		return a.w.s.WithTimeout(context.Background(), timeout)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if next.Ends == cancelled {
		a.w.s.Go(a.name+"'s canceller", cancel)
	}
	return ctx, cancel
}

// perform does one action, and tells whether the group goes on.
func (a *actor) perform(next act) bool {
	ctx, cancel := a.context(next)
	defer cancel()
	what := next.String()
	switch next.Verb {
	case runs:
		a.run()
	case safepoint:
		return a.ok(what, act{}, a.m.Safepoint(ctx))
	case sleeps:
		a.m.Park()
		a.w.s.Yield()
		return a.ok(what, act{}, a.m.Enter(context.WithoutCancel(ctx)))
	case links, looksAgain, failsWork, failsReplay, poisons, panicsReplay, panicsWork,
		killsInReplay:
		return a.link(ctx, next, func(t *task) (uint64, error) { return a.m.Link(ctx, t) })
	case closure:
		return a.closure(ctx, next)
	case freesClosure:
		return a.ok(what, next, a.m.WithState(ctx, func() error {
			defer a.w.change(a.name)()
			_, err := a.m.FreeClosure()
			return dead(a, err)
		}))
	case leases, handsOver:
		return a.lease(ctx, next)
	case tries:
		return a.try()
	case spawns, failsSpawn, abortsSpawn:
		return a.spawn(ctx, next)
	case kills:
		a.w.kill(next.Target)
		return a.live
	case crashes:
		a.m.Crash(errKilled)
		return a.ok(what, next, a.m.Safepoint(ctx))
	case leaves:
		err := a.m.Detach(ctx)
		if err == nil && a.live {
			a.w.s.Failf("%s has left, and is alive", a.name)
		}
		return a.ok(what, next, err) && err != nil
	}
	return a.live
}

// dead takes away the error of a group that was killed during its request: what is asked for then
// is refused.
func dead(a *actor, err error) error {
	if err != nil && !a.live && errors.Is(err, coord.ErrGroupClosed) {
		return nil
	}
	return err
}

// kill takes a group out from outside.
func (w *world) kill(g protocol.Group) {
	if in := w.slots[g]; in != nil && in.live {
		in.m.Crash(errKilled)
	}
}

// closure takes a closure slot. When there is none, it has one made, once.
func (a *actor) closure(ctx context.Context, next act) bool {
	got := false
	err := a.m.WithState(ctx, func() (err error) {
		defer a.w.change(a.name)()
		got, err = a.m.AllocateClosure()
		a.w.point()
		return dead(a, err)
	})
	if !a.ok(next.String(), next, err) || err != nil || got {
		return a.live
	}
	return a.link(ctx, next, func(t *task) (uint64, error) { return a.m.Link(ctx, t) })
}

// lease takes the lease, and gives it back or hands it to another task.
func (a *actor) lease(ctx context.Context, next act) bool {
	token, err := a.m.Lease(ctx)
	if err != nil {
		return a.ok(next.String(), next, err)
	}
	if next.Verb == leases {
		a.w.s.Yield()
		if err := token.Release(); err != nil {
			a.w.s.Failf("%s: release: %v", a.name, err)
		}
	} else {
		done := false
		a.w.s.Go(a.name+"'s other goroutine", func() {
			a.link(ctx, next, func(t *task) (uint64, error) { return token.Link(ctx, t) })
			done = true
		})
		a.w.s.Until("its other goroutine", func() bool { return done })
	}
	if err := token.Release(); !errors.Is(err, coord.ErrTokenReleased) {
		a.w.s.Failf("%s: releasing a token again: %v", a.name, err)
	}
	return a.live
}

// try takes lease and state lock if they are free.
func (a *actor) try() bool {
	if token, ok := a.m.TryLease(); ok {
		a.w.s.Yield()
		if err := token.Release(); err != nil {
			a.w.s.Failf("%s: release: %v", a.name, err)
		}
	}
	if _, err := a.m.TryWithState(func() error {
		defer a.w.change(a.name)()
		a.w.s.Yield()
		return nil
	}); err != nil {
		a.w.s.Failf("%s: %v", a.name, err)
	}
	return a.live
}

// spawn makes a child, which attaches in a task of its own.
func (a *actor) spawn(ctx context.Context, next act) bool {
	child, err := a.m.Spawn(ctx)
	if err != nil {
		return a.ok(next.String(), next, err)
	}
	if next.Verb == abortsSpawn {
		a.w.s.Yield()
		if err := child.Abort(); err != nil {
			a.w.s.Failf("%s: abort: %v", a.name, err)
		}
		return a.live
	}
	var fail error
	if next.Verb == failsSpawn {
		fail = errBuild
	}
	name := protocol.Group(child.ID()).String()
	a.w.s.Go(name, func() {
		ctx, cancel := a.context(next)
		defer cancel()
		in, err := a.w.attach(ctx, child, fail)
		if err != nil {
			(&actor{&instances{w: a.w, name: name}}).ok("attach", next, err)
			return
		}
		a.w.play(in, next.Child)
	})
	return a.live
}
