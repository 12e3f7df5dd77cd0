package tla

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// ErrConstant means that a constant of LinkerSync is missing or has a value that linker/protocol
// cannot have.
var ErrConstant = errors.New("tla: a constant does not fit the protocol")

// ConstantError says which constant. It wraps [ErrConstant], or the error of linker/protocol that
// knows more.
type ConstantError struct {
	Name  string // the constant
	Value string // its text in the configuration, empty where it is missing
	Err   error
}

func (e *ConstantError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%v: %s is missing", e.Err, e.Name)
	}
	return fmt.Sprintf("%v: %s = %s", e.Err, e.Name, e.Value)
}

// Unwrap returns the reason.
func (e *ConstantError) Unwrap() error { return e.Err }

// Protocol returns the constants of a model of LinkerSync as linker/protocol has them, and the
// operations Kinds \X Tags, so that a model is written once and explored twice. The errors are
// [*ConstantError]s.
func (c *Config) Protocol() (protocol.Config, []protocol.Op, error) {
	r := constantReader{config: c}
	groups, initial := r.groups("Groups"), r.groups("Initial")
	p := protocol.Config{
		Groups:   uint8(len(groups)),
		Initial:  uint8(len(initial)),
		MaxLog:   uint8(r.number("MaxLog", protocol.LogCapacity)),
		Batch:    uint32(r.number("Batch", 1<<16)),
		MaxTable: uint32(r.number("MaxTable", 1<<16)),
	}
	for _, name := range r.strings("Features") {
		feature, err := protocol.ParseFeature(name)
		r.note("Features", err)
		p.Features |= feature
	}
	for _, name := range r.strings("Off") {
		guard, err := protocol.ParseGuard(name)
		r.note("Off", err)
		p.Off |= guard
	}
	tags := r.set("Tags")
	var ops []protocol.Op
	for _, name := range r.strings("Kinds") {
		kind, err := protocol.ParseOpKind(name)
		r.note("Kinds", err)
		for _, text := range tags {
			tag, err := strconv.ParseUint(text, 10, 8)
			if err != nil {
				r.note("Tags", ErrConstant)
			}
			ops = append(ops, protocol.Op{Kind: kind, Tag: uint8(tag)})
		}
	}
	if r.err == nil && !slices.Equal(initial, groups[:min(len(initial), len(groups))]) {
		r.note("Initial", ErrConstant) // in Go, the first slots have groups
	}
	if r.err != nil {
		return protocol.Config{}, nil, r.err
	}
	return p, ops, p.Validate()
}

// constantReader reads the values of constants and keeps the first error.
type constantReader struct {
	config *Config
	err    error
}

func (r *constantReader) text(name string) string {
	for _, c := range r.config.Constants {
		if c.Name == name && !c.Replaced {
			return c.Value
		}
	}
	return ""
}

func (r *constantReader) note(name string, err error) {
	if err != nil && r.err == nil {
		r.err = &ConstantError{Name: name, Value: r.text(name), Err: err}
	}
}

func (r *constantReader) number(name string, most uint64) uint64 {
	n, err := strconv.ParseUint(r.text(name), 10, 32)
	if err != nil || n > most {
		r.note(name, ErrConstant)
		return 0
	}
	return n
}

// set reads {a, b}.
func (r *constantReader) set(name string) []string {
	text, open := strings.CutPrefix(r.text(name), "{")
	text, closed := strings.CutSuffix(text, "}")
	if !open || !closed {
		r.note(name, ErrConstant)
		return nil
	}
	if strings.TrimSpace(text) == "" {
		return nil
	}
	elements := strings.Split(text, ",")
	for i := range elements {
		elements[i] = strings.TrimSpace(elements[i])
	}
	return elements
}

// strings reads {"a", "b"}.
func (r *constantReader) strings(name string) []string {
	elements := r.set(name)
	for i, e := range elements {
		s, err := strconv.Unquote(e)
		if err != nil {
			r.note(name, ErrConstant)
		}
		elements[i] = s
	}
	return elements
}

// groups reads {g1, g2, …}: the names that protocol.Group prints, in order.
func (r *constantReader) groups(name string) []string {
	elements := r.set(name)
	for i, e := range elements {
		if i >= protocol.MaxGroups || e != protocol.Group(i).String() {
			r.note(name, ErrConstant)
			return nil
		}
	}
	return elements
}
