package lincheck

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-wasm/lockstep/model"
)

// The file format, which the package documentation describes.
const (
	formatName    = "lockstep-history"
	formatVersion = 2 // written; the older ones are read, too
	firstVersion  = 1
	scopesVersion = 2 // the first with libraries that are local, and with the other fields that laterField knows
	maxLine       = 1 << 20
)

type fileHeader struct {
	Format   string         `json:"format"`
	Version  int            `json:"version"`
	Seed     uint64         `json:"seed"`
	Stamps   Stamps         `json:"stamps"`
	Universe model.Universe `json:"universe"`
}

type fileOperation struct {
	Client int          `json:"client"`
	Call   int64        `json:"call"`
	Return *int64       `json:"return,omitempty"`
	In     model.Input  `json:"in"`
	Out    model.Output `json:"out"`
}

// FormatError says where and why a file is not a history.
type FormatError struct {
	// Line counts from 1.
	Line int
	// Err is the cause.
	Err error
}

// Error names the line.
func (e *FormatError) Error() string { return fmt.Sprintf("lincheck: line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// Causes of a FormatError.
var (
	// ErrFormat is the cause when the header is not that of a history.
	ErrFormat = errors.New("not a history file")
	// ErrVersion is the cause when the file has a version of the format that is not known, or an operation that the file's
	// version does not have.
	ErrVersion = errors.New("unsupported version")
	// ErrOutcome is the cause when an operation has no return and a known outcome, or the other way round.
	ErrOutcome = errors.New("an operation without a return has an unknown outcome, and no other")
	// ErrEmptyLine means that a line is empty.
	ErrEmptyLine = errors.New("empty line")
	// ErrTrailing is the cause when something follows the JSON value on a line.
	ErrTrailing = errors.New("more than one value")
)

// WriteHistory writes h in the newest version of the file format that the package documentation describes. Histories that Validate finds malformed can be written too, as long as their
// returns and outcomes fit.
func WriteHistory(w io.Writer, h *History) error {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	if err := enc.Encode(fileHeader{formatName, formatVersion, h.Seed, h.Stamps, h.Universe}); err != nil {
		return fmt.Errorf("lincheck: write header: %w", err)
	}
	for i := range h.Operations {
		op := &h.Operations[i]
		line := fileOperation{Client: op.Client, Call: op.Call, In: op.Input, Out: op.Output}
		if op.Return != Never {
			line.Return = &op.Return
		}
		if (line.Return == nil) != op.Output.Unknown {
			return fmt.Errorf("lincheck: write operation %d: %w", i, ErrOutcome)
		}
		if err := enc.Encode(line); err != nil {
			return fmt.Errorf("lincheck: write operation %d: %w", i, err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("lincheck: write history: %w", err)
	}
	return nil
}

// ReadHistory reads a whole history. What is wrong with the file is a *FormatError; what comes from r is passed on. The
// history is not validated: judging it does that.
func ReadHistory(r io.Reader) (*History, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	h := &History{}
	n, version := 0, 0
	for lines.Scan() {
		n++
		var err error
		if n == 1 {
			version, err = h.readHeader(lines.Bytes())
		} else {
			err = h.readLine(version, lines.Bytes())
		}
		if err != nil {
			return nil, &FormatError{n, err}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return nil, &FormatError{n + 1, err}
	case err != nil:
		return nil, fmt.Errorf("lincheck: read history: %w", err)
	case n == 0:
		return nil, &FormatError{1, ErrFormat}
	}
	return h, nil
}

func (h *History) readLine(version int, text []byte) error {
	var line fileOperation
	if err := decodeStrict(text, &line); err != nil {
		return err
	}
	if name := laterField(&line.In); version < scopesVersion && name != "" {
		return fmt.Errorf("%w: %d has no %q", ErrVersion, version, name)
	}
	op := Operation{Client: line.Client, Call: line.Call, Return: Never, Input: line.In, Output: line.Out}
	if line.Return != nil {
		op.Return = *line.Return
	}
	if (op.Return == Never) != op.Output.Unknown {
		return ErrOutcome
	}
	h.Operations = append(h.Operations, op)
	return nil
}

// laterField names a field that is set and that the first version does not have.
func laterField(in *model.Input) string {
	switch {
	case in.Local:
		return "local"
	case in.NoLoad:
		return "no_load"
	case in.Next:
		return "next"
	}
	return ""
}

func (h *History) readHeader(text []byte) (version int, err error) {
	// The format and version are looked at first, so that a newer file is not blamed for its unknown fields.
	var kind struct {
		Format  string `json:"format"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	if kind.Format != formatName {
		return 0, fmt.Errorf("%w: format %q", ErrFormat, kind.Format)
	}
	if kind.Version < firstVersion || kind.Version > formatVersion {
		return 0, fmt.Errorf("%w: %d, not %d to %d", ErrVersion, kind.Version, firstVersion, formatVersion)
	}
	var header fileHeader
	if err := decodeStrict(text, &header); err != nil {
		return 0, err
	}
	h.Universe, h.Seed, h.Stamps = header.Universe, header.Seed, header.Stamps
	return kind.Version, nil
}

// decodeStrict reads exactly one JSON value without unknown fields.
func decodeStrict(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		if errors.Is(err, io.EOF) {
			return ErrEmptyLine
		}
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return ErrTrailing
	}
	return nil
}
