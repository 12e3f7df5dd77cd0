package verify

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
)

// Bars shows progress as bars that move, for a terminal. Call Stop before anything else is written
// to w.
type Bars struct {
	writer progress.Writer
	done   chan struct{}
}

// NewBars starts showing progress on a terminal.
func NewBars(w io.Writer) *Bars {
	p := progress.NewWriter()
	p.SetOutputWriter(w)
	p.SetAutoStop(false)
	p.SetMessageLength(24) // the whole line is at most 60 columns
	p.SetTrackerLength(12)
	p.SetStyle(progress.StyleBlocks)
	p.SetTrackerPosition(progress.PositionRight)
	p.SetUpdateFrequency(100 * time.Millisecond)
	p.Style().Visibility.ETA = false
	p.Style().Visibility.Value = false
	p.Style().Options.TimeInProgressPrecision = 100 * time.Millisecond
	p.Style().Options.TimeDonePrecision = 100 * time.Millisecond
	b := &Bars{writer: p, done: make(chan struct{})}
	go func() {
		defer close(b.done)
		p.Render()
	}()
	return b
}

// Begin implements Progress.
func (b *Bars) Begin(subject string, total int64) Task {
	t := &progress.Tracker{Message: subject, Total: total, AutoStopDisabled: true}
	b.writer.AppendTracker(t)
	return barTask{t}
}

// Stop draws the last state and ends.
func (b *Bars) Stop() {
	b.writer.Stop()
	<-b.done
}

type barTask struct{ t *progress.Tracker }

func (t barTask) Advance(done int64) { t.t.SetValue(done) }

func (t barTask) End(ok bool) {
	if ok {
		t.t.MarkAsDone()
		return
	}
	t.t.MarkAsErrored()
}

// Lines shows progress as lines, for a file or a pipe: one when a check begins, one for each tenth
// of it, and one when it ends.
type Lines struct {
	mu sync.Mutex
	w  io.Writer
}

// NewLines shows progress on w.
func NewLines(w io.Writer) *Lines { return &Lines{w: w} }

// Begin implements Progress.
func (l *Lines) Begin(subject string, total int64) Task {
	l.printf("%s …\n", subject)
	return &lineTask{l: l, subject: subject, total: total}
}

func (l *Lines) printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintf(l.w, format, args...)
}

type lineTask struct {
	l       *Lines
	subject string
	total   int64

	mu     sync.Mutex
	tenths int64
}

func (t *lineTask) Advance(done int64) {
	if t.total <= 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if tenths := min(done*10/t.total, 10); tenths > t.tenths {
		t.tenths = tenths
		t.l.printf("  %d %% (%d of %d)\n", tenths*10, done, t.total)
	}
}

func (t *lineTask) End(ok bool) {
	verdict := "done"
	if !ok {
		verdict = "failed"
	}
	t.l.printf("%s: %s\n", t.subject, verdict)
}
