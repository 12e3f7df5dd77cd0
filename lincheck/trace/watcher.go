package trace

import (
	"github.com/lockstep-wasm/lockstep/linker/coord"
)

// Watcher validates the events of a linker while they happen, without keeping them. Its zero value
// is ready for a linker that is made with Observe as its observer. Err and Summary must not be
// called while there may be more events.
type Watcher struct {
	replayer *Replayer
	err      error
}

// Observe replays an event. It is a coord.Observer.
func (w *Watcher) Observe(e coord.Event) {
	if w.err != nil {
		return
	}
	if w.replayer == nil {
		if w.replayer, w.err = NewReplayer(e.State.Config); w.err != nil {
			return
		}
	}
	w.err = w.replayer.Replay(&Event{Seq: e.Seq, Step: e.Step,
		Seen: See(e.Step, e.State, e.Commit)})
}

// Err is nil if there were events and all fit; otherwise it is that of Validate.
func (w *Watcher) Err() error {
	switch {
	case w.err != nil:
		return w.err
	case w.replayer == nil:
		return ErrEmpty
	}
	return w.replayer.End()
}

// Summary is what there was so far.
func (w *Watcher) Summary() Summary {
	if w.replayer == nil {
		return Summary{}
	}
	return w.replayer.Summary()
}
