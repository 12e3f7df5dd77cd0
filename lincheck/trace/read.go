package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Read reads a whole trace. What is wrong with the file is a *FormatError, or ErrEmpty; what comes
// from r is passed on. The trace is not validated.
func Read(r io.Reader) (*Trace, error) {
	tr, err := NewReader(r)
	if err != nil {
		return nil, err
	}
	t := &Trace{Config: tr.Config()}
	for {
		e, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return t, nil
		}
		if err != nil {
			return nil, err
		}
		t.Events = append(t.Events, e)
	}
}

// Reader reads a trace event by event.
type Reader struct {
	lines   *bufio.Scanner
	line    int
	config  protocol.Config
	events  uint64
	commits uint64
	ended   bool
	again   []byte // a line, written anew
}

// NewReader reads the header. Errors are those of Read.
func NewReader(r io.Reader) (*Reader, error) {
	t := &Reader{lines: bufio.NewScanner(r)}
	t.lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	switch text, err := t.next(); {
	case err != nil:
		return nil, err
	case text == nil:
		return nil, ErrEmpty
	default:
		if err := t.readHeader(text); err != nil {
			return nil, t.wrong(err)
		}
	}
	return t, nil
}

// Config is the configuration in the header.
func (t *Reader) Config() protocol.Config { return t.config }

// Line is the line of the file that was read last, from 1.
func (t *Reader) Line() int { return t.line }

// Next returns the next event, and io.EOF after the last one of a complete trace.
func (t *Reader) Next() (Event, error) {
	text, err := t.next()
	switch {
	case err != nil:
		return Event{}, err
	case t.ended && text == nil:
		return Event{}, io.EOF
	case t.ended:
		return Event{}, t.wrong(ErrAfterEnd)
	case text == nil && t.events == 0:
		return Event{}, ErrEmpty
	case text == nil:
		t.line++
		return Event{}, t.wrong(fmt.Errorf("%w: it stops after event %d", ErrPartial, t.events))
	case bytes.HasPrefix(text, []byte(`{"end"`)):
		if err := t.readEnd(text); err != nil {
			return Event{}, t.wrong(err)
		}
		t.ended = true
		return t.Next()
	}
	e, err := t.readEvent(text)
	if err != nil {
		return Event{}, t.wrong(err)
	}
	return e, nil
}

func (t *Reader) wrong(err error) error { return &FormatError{t.line, err} }

// next returns the next line, or nil at the end.
func (t *Reader) next() ([]byte, error) {
	if t.lines.Scan() {
		t.line++
		return t.lines.Bytes(), nil
	}
	switch err := t.lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		t.line++
		return nil, t.wrong(err)
	case err != nil:
		return nil, fmt.Errorf("trace: read: %w", err)
	}
	return nil, nil
}

type fileHeader struct {
	Format   string   `json:"format"`
	Version  int      `json:"version"`
	Groups   uint8    `json:"groups"`
	Initial  uint8    `json:"initial"`
	MaxLog   uint8    `json:"maxLog"`
	Batch    uint32   `json:"batch"`
	MaxTable uint32   `json:"maxTable"`
	Features []string `json:"features"`
}

func (t *Reader) readHeader(text []byte) error {
	// The format and version are looked at first, so that a newer file is not blamed for its
	// unknown fields.
	var kind struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return fmt.Errorf("%w: %w", ErrFormat, err)
	}
	switch {
	case kind.Format != formatName:
		return fmt.Errorf("%w: format %q", ErrFormat, kind.Format)
	case kind.Version != formatVersion:
		return fmt.Errorf("%w: %d, not %d", ErrVersion, kind.Version, formatVersion)
	}
	var h fileHeader
	if err := decode(text, &h); err != nil {
		return err
	}
	t.config = protocol.Config{Groups: h.Groups, Initial: h.Initial, MaxLog: h.MaxLog,
		Batch: h.Batch, MaxTable: h.MaxTable}
	for _, name := range h.Features {
		feature, err := protocol.ParseFeature(name)
		if err != nil {
			return err
		}
		t.config.Features |= feature
	}
	if err := t.config.Validate(); err != nil {
		return err
	}
	return t.canonical(text, appendHeader(t.again[:0], t.config))
}

func (t *Reader) readEnd(text []byte) error {
	var end struct {
		End     bool   `json:"end"`
		Events  uint64 `json:"events"`
		Commits uint64 `json:"commits"`
	}
	if err := decode(text, &end); err != nil {
		return err
	}
	switch {
	case t.events == 0 && end.Events == 0:
		return ErrEmpty
	case end.Events != t.events:
		return fmt.Errorf("%w: %d events of %d", ErrPartial, t.events, end.Events)
	case end.Commits != t.commits:
		return fmt.Errorf("%w: %d commits of %d", ErrPartial, t.commits, end.Commits)
	}
	return t.canonical(text, appendEnd(t.again[:0], end.Events, end.Commits))
}

func (t *Reader) readEvent(text []byte) (Event, error) {
	l := line{text: text}
	e := l.event()
	if l.err != nil {
		return Event{}, l.err
	}
	if err := t.canonical(text, appendEvent(t.again[:0], &e)); err != nil {
		return Event{}, err
	}
	if e.Seq != t.events+1 {
		return Event{}, fmt.Errorf("%w: event %d after event %d", ErrGap, e.Seq, t.events)
	}
	t.events, t.commits = e.Seq, e.Seen.Commits
	return e, nil
}

// canonical compares a line with the same written anew, which ends with a line feed.
func (t *Reader) canonical(text, again []byte) error {
	t.again = again
	if !bytes.Equal(text, again[:len(again)-1]) {
		return ErrCanonical
	}
	return nil
}

func decode(text []byte, into any) error {
	if len(text) == 0 {
		return fmt.Errorf("%w: an empty line", ErrCanonical)
	}
	return json.Unmarshal(text, into)
}
