package trace

import (
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// The file format is JSON lines in ASCII. The first line is the header, with the constants of the
// protocol:
//
//	{"format":"lockstep-trace","version":1,"groups":64,"initial":1,"maxLog":4,"batch":100,"maxTable":4294967195,"features":["Park",…]}
//
// Each further line but the last is one event, in the order of their numbers, from 1 without a gap:
//
//	{"seq":7,"action":"Work","group":"g2","op":"LoadModules","tag":3,"seen":{"mode":"Running",…,"digest":"5d3b…"}}
//
// "group" is absent for Checkpoint, "child" present for Spawn, "op" and "tag" for Work. "seen" has
// the fields of Seen in their order; the digest is 16 hexadecimal digits. The last line says that
// the trace is complete:
//
//	{"end":true,"events":7,"commits":1}
//
// A stream does not know its length when it begins, so that is told at the end; a trace without is
// a partial one, and refused. There is one way only to write a trace: no white space, fields in
// this order.
const (
	formatName    = "lockstep-trace"
	formatVersion = 1
	maxLine       = 1 << 10 // bytes; the longest line has about half
)

// featureNames are the names of the features that a header can have, in order.
var featureNames = [...]string{"Park", "Cancel", "Crash", "Spawn", "Detach", "FailApply",
	"FailUndo"}

// FormatError says where and why a file is not a trace.
type FormatError struct {
	// Line counts from 1.
	Line int
	// Err is the cause.
	Err error
}

// Error names the line.
func (e *FormatError) Error() string { return fmt.Sprintf("trace: line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// Causes of a FormatError, besides those of encoding/json and of the names of linker/protocol.
var (
	// ErrFormat is the cause when the header is not that of a trace.
	ErrFormat = errors.New("not a trace file")
	// ErrVersion is the cause when the file has another version of the format.
	ErrVersion = errors.New("unsupported version")
	// ErrCanonical is the cause when a line is not written the one way it can be.
	ErrCanonical = errors.New("not written as a recorder writes it")
	// ErrGap is the cause when the number of an event is not that of the one before and one.
	ErrGap = errors.New("an event is missing or in the wrong place")
	// ErrPartial is the cause when the trace stops without its last line, or has not as many events
	// as that says.
	ErrPartial = errors.New(
		"the trace is not complete (the run did not end, or the file is cut off)",
	)
	// ErrAfterEnd is the cause when something follows the last line.
	ErrAfterEnd = errors.New("something follows the end of the trace")
)

// Write writes a trace in the file format. It need not be one that Validate accepts, nor that Read
// does: numbers of events are written as they are.
func Write(w io.Writer, t *Trace) error {
	buf := appendHeader(make([]byte, 0, flushAt+maxLine), t.Config)
	commits := uint64(0)
	for i := range t.Events {
		buf = appendEvent(buf, &t.Events[i])
		commits = t.Events[i].Seen.Commits
		if len(buf) >= flushAt {
			if _, err := w.Write(buf); err != nil {
				return fmt.Errorf("trace: write: %w", err)
			}
			buf = buf[:0]
		}
	}
	if _, err := w.Write(appendEnd(buf, uint64(len(t.Events)), commits)); err != nil {
		return fmt.Errorf("trace: write: %w", err)
	}
	return nil
}

func appendHeader(b []byte, c protocol.Config) []byte {
	b = append(b, `{"format":"`+formatName+`","version":`...)
	b = strconv.AppendInt(b, formatVersion, 10)
	b = appendNumber(b, "groups", uint64(c.Groups))
	b = appendNumber(b, "initial", uint64(c.Initial))
	b = appendNumber(b, "maxLog", uint64(c.MaxLog))
	b = appendNumber(b, "batch", uint64(c.Batch))
	b = appendNumber(b, "maxTable", uint64(c.MaxTable))
	b = append(b, `,"features":[`...)
	first := true
	for i, name := range featureNames {
		if c.Features&(1<<i) == 0 {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(append(b, '"'), name...), '"')
	}
	return append(b, "]}\n"...)
}

func appendEnd(b []byte, events, commits uint64) []byte {
	b = append(b, `{"end":true`...)
	b = appendNumber(b, "events", events)
	b = appendNumber(b, "commits", commits)
	return append(b, "}\n"...)
}

func appendEvent(b []byte, e *Event) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, e.Seq, 10)
	b = appendText(b, "action", e.Step.Action.String())
	group, child, op := arguments(e.Step.Action)
	if group {
		b = appendGroup(b, "group", e.Step.Group)
	}
	if child {
		b = appendGroup(b, "child", e.Step.Child)
	}
	if op {
		b = appendOp(b, e.Step.Op)
	}
	s := &e.Seen
	b = append(b, `,"seen":{"mode":"`...)
	b = append(append(b, s.Mode.String()...), '"')
	b = appendText(b, "stage", s.Stage.String())
	b = appendText(b, "part", s.Part.String())
	b = appendGroup(b, "holder", s.Holder)
	b = appendGroup(b, "writer", s.Writer)
	b = appendGroup(b, "leader", s.Leader)
	b = appendOp(b, s.Op)
	b = appendNumber(b, "leaseQueue", uint64(s.LeaseQueue))
	b = appendNumber(b, "stateQueue", uint64(s.StateQueue))
	b = appendNumber(b, "readers", uint64(s.Readers))
	b = appendNumber(b, "log", uint64(s.Log))
	b = appendNumber(b, "free", uint64(s.Free))
	b = appendNumber(b, "taken", uint64(s.Taken))
	b = appendNumber(b, "commits", s.Commits)
	b = append(b, `,"digest":"`...)
	const digits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, digits[s.Digest>>shift&15])
	}
	return append(b, "\"}}\n"...)
}

func appendNumber(b []byte, name string, n uint64) []byte {
	b = append(append(append(b, `,"`...), name...), `":`...)
	return strconv.AppendUint(b, n, 10)
}

func appendText(b []byte, name, text string) []byte {
	b = append(append(append(b, `,"`...), name...), `":"`...)
	return append(append(b, text...), '"')
}

// appendGroup writes a group's name as it prints, without making a string of it.
func appendGroup(b []byte, name string, g protocol.Group) []byte {
	b = append(append(append(b, `,"`...), name...), `":"`...)
	if g == protocol.NoGroup {
		return append(b, `None"`...)
	}
	return append(strconv.AppendUint(append(b, 'g'), uint64(g)+1, 10), '"')
}

func appendOp(b []byte, o protocol.Op) []byte {
	b = appendText(b, "op", o.Kind.String())
	return appendNumber(b, "tag", uint64(o.Tag))
}
