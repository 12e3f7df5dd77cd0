package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

// reporter shows what the detectors say, and how long the rest will take: below a bar on a
// terminal, in each line elsewhere.
type reporter struct {
	w       io.Writer
	verbose bool
	start   time.Time // of the faults: what comes before is the sound program
	bar     progress.Writer
	tracker *progress.Tracker
	drawn   chan struct{} // closed when the bar is drawn for the last time
}

func newProgress(w *os.File, verbose bool) *reporter {
	r := &reporter{w: w, verbose: verbose, start: time.Now()}
	if info, err := w.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return r
	}
	r.bar = progress.NewWriter()
	r.bar.SetOutputWriter(w)
	r.bar.SetStyle(progress.StyleBlocks)
	r.bar.SetTrackerPosition(progress.PositionRight)
	r.bar.Style().Visibility.Value = false
	r.bar.Style().Visibility.ETA = true
	r.tracker = &progress.Tracker{Message: "the sound program", AutoStopDisabled: true}
	r.bar.AppendTracker(r.tracker)
	r.drawn = make(chan struct{})
	go func() {
		defer close(r.drawn)
		r.bar.Render()
	}()
	return r
}

// say is what faults.Survey reports to.
func (r *reporter) say(s faults.Said) {
	name := "the sound program"
	if s.Fault != nil {
		name = s.Fault.Name
	}
	line := fmt.Sprintf("%-76s %-11s %s", name, s.Detector.Name, verdict(s.Outcome))
	if r.verbose && (s.Outcome.Caught || s.Outcome.Undecided) {
		line += "\n" + s.Outcome.Output
	}
	if r.bar != nil {
		r.bar.Log("%s", line)
		if s.Fault != nil {
			r.tracker.UpdateMessage("seeded faults")
			r.tracker.UpdateTotal(s.All.Milliseconds())
			r.tracker.SetValue(s.Done.Milliseconds())
		}
		return
	}
	fmt.Fprintf(r.w, "%-17s %s\n", r.left(s), line)
}

// left foretells how long the rest takes.
func (r *reporter) left(s faults.Said) string {
	if s.Fault == nil || s.Done == 0 {
		r.start = time.Now()
		return ""
	}
	rest := time.Duration(
		float64(time.Since(r.start)) / s.Done.Seconds() * (s.All - s.Done).Seconds())
	return fmt.Sprintf("%3d %%, %s left", 100*s.Done/s.All, rest.Round(time.Second))
}

// stop draws the bar a last time.
func (r *reporter) stop() {
	if r.bar == nil {
		return
	}
	r.tracker.MarkAsDone()
	r.bar.Stop()
	<-r.drawn
}
