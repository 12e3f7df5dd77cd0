package verify

import (
	"errors"
	"strconv"
	"time"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/timeline"
)

// watched is how many actions of a run its timeline shows at most: a page of some hundred
// kilobytes.
const watched = 3000

// watcher replays what the protocol of a linker does, as it happens, and keeps the beginning for a
// timeline. Observe is called with the coordinator's mutex held; the rest after the last call.
type watcher struct {
	trace.Watcher
	title  string
	begun  time.Time
	config protocol.Config
	steps  []protocol.Step
	times  []time.Duration
}

func newWatcher(title string) *watcher { return &watcher{title: title, begun: time.Now()} }

// Observe sees an action.
func (w *watcher) Observe(e coord.Event) {
	w.Watcher.Observe(e)
	if len(w.steps) == 0 {
		w.config = e.State.Config
	}
	if len(w.steps) < watched {
		w.steps = append(w.steps, e.Step)
		w.times = append(w.times, time.Since(w.begun))
	}
}

// timeline draws what was seen.
func (w *watcher) timeline() (*timeline.Timeline, error) {
	t, err := timeline.New(w.title, w.config, w.steps, w.times)
	if err != nil {
		return nil, err
	}
	if events := w.Summary().Events; events > uint64(len(w.steps)) {
		t.Note = "the first " + strconv.Itoa(
			len(w.steps),
		) + " of " + strconv.FormatUint(
			events,
			10,
		) + " actions"
	}
	return t, nil
}

// finish says whether all that was seen is allowed, counts it, and adds its timeline to the report.
func (w *watcher) finish(r *Report, total *actionCounts) error {
	summary := w.Summary()
	for _, a := range protocol.Actions() {
		total[a] += summary.Actions[a]
	}
	var rejected *trace.RejectedError
	switch err := w.Err(); {
	case errors.As(err, &rejected):
		c := counterexample.OfRejected(rejected)
		return &FailedError{
			Found:          w.title + ": " + c.Title() + ": " + rejected.Reason(),
			Counterexample: c,
		}
	case err != nil:
		return failed("%s: %v", w.title, err)
	}
	t, err := w.timeline()
	if err != nil {
		return err
	}
	r.Timelines = append(r.Timelines, t)
	return nil
}

// actionCounts is how often each action was performed.
type actionCounts [256]uint64

// merge adds the counts to the rows of a report, which has one for each action.
func (c *actionCounts) merge(rows []ActionRow) []ActionRow {
	for i, a := range protocol.Actions() {
		if i >= len(rows) {
			rows = append(rows, ActionRow{Action: a.String()})
		}
		rows[i].Failing = c[a]
	}
	return rows
}
