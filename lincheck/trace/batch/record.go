package batch

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// RecordFile is where the record lies in the folder tla.
const RecordFile = "traces.json"

// Record is what TLC found: traces of the real linker that it accepted, and kinds of corruption
// that it refused, each at the event at which trace.Validate refuses it.
type Record struct {
	TLC      string    `json:"tlc"`      // the version, as it prints it
	Inputs   string    `json:"inputs"`   // see Inputs
	Seed     uint64    `json:"seed"`     // of the first program; the others have the next ones
	Accepted int       `json:"accepted"` // traces
	Events   int       `json:"events"`   // of all of them
	Shortest int       `json:"shortest"` // events of the shortest one
	Refused  []Refused `json:"refused"`
}

// Refused is a kind of corruption that both judges refused at the same event.
type Refused struct {
	Kind     string `json:"kind"`
	Event    uint64 `json:"event"`    // of the corrupted trace
	Of       int    `json:"of"`       // events in it
	Step     string `json:"step"`     // what does not fit
	Reason   string `json:"reason"`   // what trace.Validate says
	Property string `json:"property"` // what TLC says is violated
}

// Errors of records.
var (
	// ErrRecord means that there is no usable record.
	ErrRecord = errors.New("batch: invalid record")
	// ErrStale means that the specification, or what this package writes of a trace, changed since
	// the record was made.
	ErrStale = errors.New("batch: the inputs changed since the record was made")
)

// LoadRecord reads the record in the folder tla. Errors wrap ErrRecord.
func LoadRecord(fsys fs.FS) (*Record, error) {
	data, err := fs.ReadFile(fsys, RecordFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	r := &Record{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRecord, RecordFile, err)
	}
	return r, nil
}

// JSON returns the text of RecordFile.
func (r *Record) JSON() ([]byte, error) {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRecord, err)
	}
	return append(data, '\n'), nil
}

// Fresh says whether the record can be relied on: it is of the specification in the folder and of
// what Generate writes now. The error is ErrStale.
func (r *Record) Fresh(fsys fs.FS) error {
	inputs, err := Inputs(fsys)
	if err != nil {
		return err
	}
	if r.Inputs != inputs {
		return ErrStale
	}
	return nil
}

// Inputs is the SHA-256, in hexadecimal, of what TLC's verdict on a trace depends on: the modules
// in the folder tla, and what Generate writes of a trace with every action in it. The traces
// themselves are other ones each time.
func Inputs(fsys fs.FS) (string, error) {
	hash := sha256.New()
	part := func(name, data string) { fmt.Fprintf(hash, "%s %d\n%s", name, len(data), data) }
	modules, err := specification(fsys)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrRecord, err)
	}
	for _, m := range modules {
		part(m.Name, m.Text())
	}
	module, config, err := Generate([]Input{{Name: "sample", Trace: sample()}})
	if err != nil {
		return "", err
	}
	part(dataFile, module)
	part(configFile, config)
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// sample is a trace with every action in it, possible or not.
func sample() *trace.Trace {
	t := &trace.Trace{Config: protocol.Config{Groups: 64, Initial: 1, MaxLog: protocol.LogCapacity,
		Batch: 100, MaxTable: 1 << 31, Features: protocol.AllFeatures}}
	for i, a := range protocol.Actions() {
		step := protocol.Step{Action: a}
		switch a {
		case protocol.ActSpawn:
			step.Child = 1
		case protocol.ActWork:
			step.Op = protocol.Op{Kind: protocol.LoadModules, Tag: 255}
		}
		seen := trace.Seen{Mode: protocol.Running, Stage: protocol.Worked, Part: protocol.Applied,
			Holder: 0, Writer: protocol.NoGroup, Leader: 1, Op: step.Op}
		t.Events = append(t.Events, trace.Event{Seq: uint64(i + 1), Step: step, Seen: seen})
	}
	return t
}
