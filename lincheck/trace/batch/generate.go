package batch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// Input is a trace to be checked.
type Input struct {
	Name  string // of its file, for people
	Trace *trace.Trace
}

// Errors of batches that TLC cannot be asked about.
var (
	// ErrEmpty means that there are no traces, or one has no events.
	ErrEmpty = errors.New("batch: nothing to check")
	// ErrMixed means that the traces are of linkers with different constants.
	ErrMixed = errors.New("batch: the traces have different configurations")
	// ErrNumber means that a number is too large for TLC, whose integers have 32 bits.
	ErrNumber = errors.New("batch: a number is too large for TLC")
)

// Names of the generated files.
const (
	rootModule = "TraceLinkerSync"
	dataModule = "TraceData"
	dataFile   = dataModule + ".tla"
	configFile = "TraceData.cfg"
)

// largest is the largest number of closure slots that TLC is told of: adding a batch to it must not
// overflow.
const largest = 1 << 30

// invariants are checked in every state; TypeOK is that of the text alone.
func invariants() []string {
	names := []string{"TypeOK"}
	for _, i := range protocol.Invariants() {
		names = append(names, i.Name)
	}
	return names
}

// Generate writes the module with the traces, TraceData, and the configuration for a run of TLC.
// The slots are those that occur in any of the traces. Errors wrap ErrEmpty, ErrMixed, ErrNumber,
// or protocol.ErrConfig.
func Generate(inputs []Input) (module, config string, err error) {
	c, err := common(inputs)
	if err != nil {
		return "", "", err
	}
	var m strings.Builder
	fmt.Fprintf(&m, "---- MODULE %s ----\n", dataModule)
	m.WriteString("\\* Generated: traces of running linkers. TraceLinkerSync explains " +
		"them.\nEXTENDS LinkerSync\n\n")
	fmt.Fprintf(&m, "CONSTANTS %s\n\n", slots(c.Groups))
	m.WriteString("AllTags == 0..255\n\n")
	// Definitions and not a constant of TraceLinkerSync: TLC evaluates those once, and constants
	// whenever they are used.
	for i, input := range inputs {
		fmt.Fprintf(&m, "\\* %s\nTrace%d == <<\n", comment(input.Name), i+1)
		for j := range input.Trace.Events {
			if j > 0 {
				m.WriteString(",\n")
			}
			writeEvent(&m, &input.Trace.Events[j])
		}
		m.WriteString(">>\n\n")
	}
	m.WriteString("Traces == <<")
	for i := range inputs {
		if i > 0 {
			m.WriteString(", ")
		}
		fmt.Fprintf(&m, "Trace%d", i+1)
	}
	m.WriteString(">>\n====\n")
	return m.String(), configuration(c), nil
}

// common returns the constants that all traces share, with as many slots as occur.
func common(inputs []Input) (protocol.Config, error) {
	if len(inputs) == 0 {
		return protocol.Config{}, ErrEmpty
	}
	first := inputs[0].Trace.Config
	occurring := max(1, first.Initial)
	for _, input := range inputs {
		switch c := input.Trace.Config; {
		case len(input.Trace.Events) == 0:
			return c, fmt.Errorf("%w: %s", ErrEmpty, input.Name)
		case c != first:
			return c, fmt.Errorf("%w: %s and %s", ErrMixed, inputs[0].Name, input.Name)
		}
		for i := range input.Trace.Events {
			occurring = max(occurring, highest(&input.Trace.Events[i]))
		}
	}
	if err := first.Validate(); err != nil {
		return first, fmt.Errorf("batch: %s: %w", inputs[0].Name, err)
	}
	if occurring > first.Groups {
		return first, fmt.Errorf("batch: %w: a group outside of the slots", protocol.ErrConfig)
	}
	if first.Batch > largest {
		return first, fmt.Errorf("%w: a batch of %d closure slots", ErrNumber, first.Batch)
	}
	first.Groups, first.MaxTable = occurring, min(first.MaxTable, largest)
	return first, nil
}

// highest is how many slots there must be for an event.
func highest(e *trace.Event) uint8 {
	n := max(e.Step.Group, e.Step.Child) + 1
	for _, g := range []protocol.Group{e.Seen.Holder, e.Seen.Writer, e.Seen.Leader} {
		if g != protocol.NoGroup {
			n = max(n, g+1)
		}
	}
	return uint8(n)
}

// writeEvent writes an event as TraceLinkerSync wants it.
func writeEvent(m *strings.Builder, e *trace.Event) {
	argument := protocol.NoGroup.String()
	switch e.Step.Action {
	case protocol.ActSpawn:
		argument = e.Step.Child.String()
	case protocol.ActWork:
		argument = e.Step.Op.String()
	}
	s := &e.Seen
	fmt.Fprintf(m, "<<%q, %s, %s,\n    <<%q, %q, %q, %s, %s, %s, %s, %d, %d, %d, %d, %d, %d>>>>",
		e.Step.Action.String(), e.Step.Group, argument, s.Mode.String(), s.Stage.String(),
		s.Part.String(),
		s.Holder, s.Writer, s.Leader, s.Op, s.LeaseQueue, s.StateQueue, s.Readers, s.Log,
		min(s.Free, largest), min(s.Taken, largest))
}

// comment makes a name safe to stand behind \*.
func comment(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, name)
}

// slots lists the names of the first n slots.
func slots(n uint8) string {
	var names []string
	for g := range protocol.Group(n) {
		names = append(names, g.String())
	}
	return strings.Join(names, ", ")
}

// featureNames are those of the specification.
var featureNames = []string{"Park", "Cancel", "Crash", "Spawn", "Detach", "FailApply", "FailUndo"}

func configuration(c protocol.Config) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("SPECIFICATION TraceSpec")
	line("CONSTANTS")
	for g := range protocol.Group(c.Groups) {
		line("    %s = %s", g, g)
	}
	line("    Groups = {%s}", slots(c.Groups))
	line("    Initial = {%s}", slots(c.Initial))
	line("    None = None")
	line("    Kinds = {\"LoadModules\", \"ResolveFunction\", \"AllocateFunctionTable\", " +
		"\"UnloadModules\"}")
	line("    Tags <- AllTags")
	line("    MaxLog = %d", c.MaxLog)
	line("    Batch = %d", c.Batch)
	line("    MaxTable = %d", c.MaxTable)
	var features []string
	for _, name := range featureNames {
		if feature, err := protocol.ParseFeature(name); err == nil && c.Features&feature != 0 {
			features = append(features, fmt.Sprintf("%q", name))
		}
	}
	line("    Features = {%s}", strings.Join(features, ", "))
	line("    Off = {}")
	line("INVARIANTS")
	for _, name := range invariants() {
		line("    %s", name)
	}
	line("POSTCONDITION AllMatched")
	line("CHECK_DEADLOCK TRUE")
	return b.String()
}
