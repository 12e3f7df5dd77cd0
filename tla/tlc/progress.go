package tlc

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/lockstep-wasm/lockstep/tla"
)

// reporter shows how far the runs are: bars on a terminal, lines elsewhere. Its methods may be
// called from any goroutine.
type reporter struct {
	mu      sync.Mutex
	lines   io.Writer // nil on a terminal
	bars    progress.Writer
	done    chan struct{} // closed when the bars are drawn for the last time
	running map[string]*runningModel
}

type runningModel struct {
	tracker *progress.Tracker
	start   time.Time
}

func newReporter(w io.Writer, models []tla.Model) *reporter {
	r := &reporter{running: map[string]*runningModel{}}
	if !isTerminal(w) {
		r.lines = w
		return r
	}
	r.bars = progress.NewWriter()
	r.bars.SetOutputWriter(w)
	r.bars.SetStyle(progress.StyleBlocks)
	r.bars.SetTrackerPosition(progress.PositionRight)
	r.bars.SetNumTrackersExpected(len(models))
	r.bars.Style().Visibility.Speed = true
	r.bars.Style().Visibility.ETA = true
	r.bars.Style().Visibility.Percentage = false
	r.done = make(chan struct{})
	go func() {
		defer close(r.done)
		r.bars.Render()
	}()
	return r
}

// isTerminal reports whether w is one; bars that are redrawn in place make a mess of a log file.
func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (r *reporter) begin(m tla.Model) {
	r.mu.Lock()
	defer r.mu.Unlock()
	running := &runningModel{start: time.Now()}
	r.running[m.Name] = running
	if r.lines != nil {
		fmt.Fprintf(r.lines, "%s: started\n", m.Name)
		return
	}
	units := progress.Units{Formatter: progress.FormatNumber, Notation: " states",
		NotationPosition: progress.UnitsNotationPositionAfter}
	running.tracker = &progress.Tracker{Message: m.Name, Total: int64(m.Distinct), Units: units}
	r.bars.AppendTracker(running.tracker)
}

func (r *reporter) update(m tla.Model, p tla.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	running := r.running[m.Name]
	states := countOf(m, p)
	if r.lines == nil {
		running.tracker.SetValue(int64(states))
		return
	}
	rate := float64(states) / time.Since(running.start).Seconds()
	fmt.Fprintf(r.lines, "%s: %d states, depth %d, %.0f states/s\n", m.Name, states, p.Depth, rate)
}

func (r *reporter) end(m tla.Model, f finished) {
	r.mu.Lock()
	defer r.mu.Unlock()
	running := r.running[m.Name]
	switch {
	case r.lines != nil && f.err != nil:
		fmt.Fprintf(r.lines, "%s: failed\n", m.Name)
	case r.lines != nil:
		fmt.Fprintf(r.lines, "%s: %v, %d states\n", m.Name, f.outcome.Verdict,
			countOf(m, f.outcome.Stats))
	case f.err != nil:
		running.tracker.MarkAsErrored()
	default:
		running.tracker.SetValue(int64(countOf(m, f.outcome.Stats)))
		running.tracker.MarkAsDone()
	}
}

// countOf is the number of states to show: a simulation does not remember which states it saw, and
// counts all.
func countOf(m tla.Model, p tla.Progress) int {
	if m.Kind == tla.KindSimulation {
		return p.Generated
	}
	return p.Distinct
}

// stop draws the bars a last time.
func (r *reporter) stop() {
	if r.bars == nil {
		return
	}
	r.bars.Stop()
	<-r.done
}
