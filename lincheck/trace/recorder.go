package trace

import (
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// ErrEmpty means that a trace has no events: the linker that it is of was never made.
var ErrEmpty = errors.New("trace: no events")

// ErrBroken means that events were lost, or that the protocol had guards switched off: no trace can
// be made of them.
var ErrBroken = errors.New("trace: not the events of one linker from its beginning")

// flushAt is how much a Recorder keeps before it writes, in bytes.
const flushAt = 64 << 10

// Recorder writes the events of one linker to a trace file as they happen. It keeps at most about
// 64 KiB.
//
// Observe is a coord.Observer. The coordinator calls it one event at a time, so it needs no lock of
// its own; it formats the event into a buffer and writes when that is full, so the writer should
// not be slow. Close must not be called before the linker is closed, or is not used any more.
type Recorder struct {
	w       io.Writer
	buf     []byte
	config  protocol.Config
	events  uint64
	commits uint64
	err     error // the first one; nothing is written after it
}

// NewRecorder returns a recorder that writes to w, which the caller closes.
func NewRecorder(w io.Writer) *Recorder {
	return &Recorder{w: w, buf: make([]byte, 0, flushAt+maxLine)}
}

// Observe notes an event. Errors are kept for Close.
func (r *Recorder) Observe(e coord.Event) {
	if r.err != nil {
		return
	}
	if r.events == 0 {
		r.begin(e)
	}
	if e.Seq != r.events+1 {
		r.fail(fmt.Errorf("%w: event %d after event %d", ErrBroken, e.Seq, r.events))
	}
	if r.err != nil {
		return
	}
	r.events, r.commits = e.Seq, e.Commit
	r.buf = appendEvent(r.buf,
		&Event{Seq: e.Seq, Step: e.Step, Seen: See(e.Step, e.State, e.Commit)})
	if len(r.buf) >= flushAt {
		r.flush()
	}
}

// Close writes the end of the trace and what is still in the buffer. The error is the first that
// occurred since the beginning: the writer's, ErrEmpty or ErrBroken. A trace whose Close failed is
// not complete, and no reader takes it for one.
func (r *Recorder) Close() error {
	if r.err == nil && r.events == 0 {
		r.fail(ErrEmpty)
	}
	if r.err == nil {
		r.buf = appendEnd(r.buf, r.events, r.commits)
		r.flush()
	}
	err := r.err
	r.fail(ErrBroken) // nothing comes after the end
	return err
}

func (r *Recorder) begin(e coord.Event) {
	r.config = e.State.Config
	if r.config.Off != 0 {
		r.fail(fmt.Errorf("%w: guards are switched off", ErrBroken))
		return
	}
	r.buf = appendHeader(r.buf, r.config)
}

func (r *Recorder) flush() {
	if _, err := r.w.Write(r.buf); err != nil {
		r.fail(fmt.Errorf("trace: write: %w", err))
	}
	r.buf = r.buf[:0]
}

func (r *Recorder) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}
