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
	formatVersion = 3 // written; the older ones are read, too
	firstVersion  = 1
	// the first with libraries that are local, and with the other fields that laterField knows
	scopesVersion = 2
	sharedVersion = 3 // the first with closures that are set, and with a handle for every opening
	endVersion    = 3 // the first with a last line that says that the history is complete
	endPrefix     = `{"end":`
)

// maxLine is how long a line may be, in bytes, when it is written and when it is read.
const maxLine = 1 << 30

// maxText is how much of a line is in memory before it is known to be longer.
const (
	maxText = 1 << 16
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

// fileEnd is the last line.
type fileEnd struct {
	End        bool `json:"end"`
	Operations int  `json:"operations"`
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
	// ErrVersion is the cause when the file has a version of the format that is not known, or an
	// operation that the file's version does not have.
	ErrVersion = errors.New("unsupported version")
	// ErrOutcome is the cause when an operation has no return and a known outcome, or the other way
	// round.
	ErrOutcome = errors.New("an operation without a return has an unknown outcome, and no other")
	// ErrEmptyLine means that a line is empty.
	ErrEmptyLine = errors.New("empty line")
	// ErrTruncated is the cause when a history stops without its last line, or has not as many
	// operations as that says.
	ErrTruncated = errors.New(
		"the history is not complete (the run did not end, or the file is cut off)",
	)
	// ErrAfterEnd is the cause when something follows the last line.
	ErrAfterEnd = errors.New("something follows the end of the history")
	// ErrLongLine is the cause when a line is longer than a writer makes any.
	ErrLongLine = errors.New("the line is too long")
	// ErrTrailing is the cause when something follows the JSON value on a line.
	ErrTrailing = errors.New("more than one value")
)

// WriteHistory writes h in the newest version of the file format that the package documentation
// describes. Histories that Validate finds malformed can be written too, as long as their returns
// and outcomes fit.
func WriteHistory(w io.Writer, h *History) error {
	buf := bufio.NewWriter(w)
	enc := json.NewEncoder(buf)
	if err := enc.Encode(fileHeader{formatName, formatVersion, h.Seed, h.Stamps,
		h.Universe}); err != nil {
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
	if err := enc.Encode(fileEnd{true, len(h.Operations)}); err != nil {
		return fmt.Errorf("lincheck: write end: %w", err)
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("lincheck: write history: %w", err)
	}
	return nil
}

// ReadHistory reads a whole history. What is wrong with the file is a *FormatError; what comes from
// r is passed on. The history is not validated: judging it does that.
func ReadHistory(r io.Reader) (*History, error) {
	lines := bufio.NewReaderSize(r, maxText)
	h := &History{}
	n, version, ended := 0, 0, false
	for {
		text, err := readText(lines)
		switch {
		case err == io.EOF && n == 0:
			return nil, &FormatError{1, ErrFormat}
		case err == io.EOF && version >= endVersion && !ended:
			return nil, &FormatError{n + 1, ErrTruncated}
		case err == io.EOF:
			return h, nil
		case errors.Is(err, ErrLongLine):
			return nil, &FormatError{n + 1, err}
		case err != nil:
			return nil, fmt.Errorf("lincheck: read history: %w", err)
		}
		n++
		switch {
		case n == 1:
			version, err = h.readHeader(text)
		case ended:
			err = ErrAfterEnd
		case version >= endVersion && bytes.HasPrefix(text, []byte(endPrefix)):
			ended, err = true, h.readEnd(text)
		default:
			err = h.readLine(version, text)
		}
		if err != nil {
			return nil, &FormatError{n, err}
		}
	}
}

// readText reads a line, without what ends it. The error is io.EOF only where no line begins.
func readText(lines *bufio.Reader) ([]byte, error) {
	var long []byte
	for {
		part, err := lines.ReadSlice('\n')
		if len(long)+len(part) > maxLine {
			return nil, ErrLongLine
		}
		switch {
		case err == bufio.ErrBufferFull:
			long = append(long, part...)
			continue
		case err == io.EOF && len(long)+len(part) > 0:
			err = nil // the last line has no end
		}
		if long != nil {
			part = append(long, part...)
		}
		return bytes.TrimSuffix(part, []byte("\n")), err
	}
}

func (h *History) readEnd(text []byte) error {
	var end fileEnd
	if err := decodeStrict(text, &end); err != nil {
		return err
	}
	if !end.End || end.Operations != len(h.Operations) {
		return fmt.Errorf("%w: %d operations of %d", ErrTruncated, len(h.Operations),
			end.Operations)
	}
	return nil
}

func (h *History) readLine(version int, text []byte) error {
	var line fileOperation
	if err := decodeStrict(text, &line); err != nil {
		return err
	}
	if version < sharedVersion && line.In.Op == model.OpSetClosure {
		return fmt.Errorf("%w: %d has no %q", ErrVersion, version, line.In.Op)
	}
	if name := laterField(&line.In); version < scopesVersion && name != "" {
		return fmt.Errorf("%w: %d has no %q", ErrVersion, version, name)
	}
	op := Operation{Client: line.Client, Call: line.Call, Return: Never, Input: line.In,
		Output: line.Out}
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
	// The format and version are looked at first, so that a newer file is not blamed for its
	// unknown fields.
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
		return 0, fmt.Errorf("%w: %d, not %d to %d", ErrVersion, kind.Version, firstVersion,
			formatVersion)
	}
	var header fileHeader
	if err := decodeStrict(text, &header); err != nil {
		return 0, err
	}
	if rules := &header.Universe.Rules; kind.Version < sharedVersion {
		if rules.HandlePerOpen || rules.EarlySignatures {
			return 0, fmt.Errorf("%w: %d has neither %q nor %q", ErrVersion, kind.Version,
				"handle_per_open", "early_signatures")
		}
		rules.EarlySignatures = rules.LateBinding // as it was then
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
		if errors.Is(err, io.ErrUnexpectedEOF) { // what begins a line ends it: the file was longer
			return fmt.Errorf("%w: %w", ErrTruncated, err)
		}
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return ErrTrailing
	}
	return nil
}
