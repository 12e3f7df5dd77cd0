package trace

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// line reads an event's line from left to right and keeps the first error. There is one way only to
// write an event, so no general reader of JSON is needed, which would take most of the time that
// replaying a trace takes.
type line struct {
	text []byte
	at   int
	err  error
}

// event reads the whole line. What follows it, and numbers that are not written as they should be,
// the caller finds by writing the event anew.
func (l *line) event() Event {
	var e Event
	l.expect(`{"seq":`)
	e.Seq = l.number(64)
	e.Step.Action = l.action()
	group, child, op := arguments(e.Step.Action)
	if group {
		e.Step.Group = l.somebody("group")
	}
	if child {
		e.Step.Child = l.somebody("child")
	}
	if op {
		e.Step.Op = l.op()
	}
	l.expect(`,"seen":{"mode":"`)
	s := &e.Seen
	s.Mode = protocol.Mode(l.value("mode", modes))
	l.expect(`,"stage":"`)
	s.Stage = protocol.Stage(l.value("stage", stages))
	l.expect(`,"part":"`)
	s.Part = protocol.Part(l.value("part", parts))
	s.Holder = l.group("holder")
	s.Writer = l.group("writer")
	s.Leader = l.group("leader")
	s.Op = l.op()
	s.LeaseQueue = uint8(l.member("leaseQueue", 8))
	s.StateQueue = uint8(l.member("stateQueue", 8))
	s.Readers = uint8(l.member("readers", 8))
	s.Log = uint8(l.member("log", 8))
	s.Free = uint32(l.member("free", 32))
	s.Taken = uint32(l.member("taken", 32))
	s.Commits = l.member("commits", 64)
	l.expect(`,"digest":"`)
	s.Digest = l.parse(l.word(), 16, 64)
	l.expect(`}}`)
	return e
}

func (l *line) fail(err error) {
	if l.err == nil {
		l.err = fmt.Errorf("column %d: %w", l.at+1, err)
	}
}

// expect steps over what has to stand here.
func (l *line) expect(text string) {
	if l.err != nil {
		return
	}
	if len(l.text)-l.at < len(text) || string(l.text[l.at:l.at+len(text)]) != text {
		l.fail(fmt.Errorf("%w: expected %s", ErrCanonical, text))
		return
	}
	l.at += len(text)
}

// expectName steps over the name of a member that is not the first.
func (l *line) expectName(name string) {
	l.expect(`,"`)
	l.expect(name)
	l.expect(`":`)
}

// word reads up to the closing quotation mark, and over it.
func (l *line) word() []byte {
	if l.err != nil {
		return nil
	}
	rest := l.text[l.at:]
	n := bytes.IndexByte(rest, '"')
	if n < 0 {
		l.fail(fmt.Errorf("%w: a text without end", ErrCanonical))
		return nil
	}
	l.at += n + 1
	return rest[:n]
}

// number reads a number that fits so many bits.
func (l *line) number(bits int) uint64 {
	from := l.at
	for l.at < len(l.text) && l.text[l.at] >= '0' && l.text[l.at] <= '9' {
		l.at++
	}
	return l.parse(l.text[from:l.at], 10, bits)
}

func (l *line) parse(digits []byte, base, bits int) uint64 {
	if l.err != nil {
		return 0
	}
	n, err := strconv.ParseUint(string(digits), base, bits)
	if err != nil {
		l.fail(fmt.Errorf("%w: %w", ErrCanonical, err))
	}
	return n
}

func (l *line) member(name string, bits int) uint64 {
	l.expectName(name)
	return l.number(bits)
}

func (l *line) unknown(what string, name []byte) {
	l.fail(fmt.Errorf("%w: %s %q", protocol.ErrUnknownName, what, name))
}

// The values of variables, by name; their index is the value.
var (
	modes   = namesOf(func(i uint8) fmt.Stringer { return protocol.Mode(i) })
	stages  = namesOf(func(i uint8) fmt.Stringer { return protocol.Stage(i) })
	parts   = namesOf(func(i uint8) fmt.Stringer { return protocol.Part(i) })
	kinds   = namesOf(func(i uint8) fmt.Stringer { return protocol.OpKind(i) })
	actions = namesOf(func(i uint8) fmt.Stringer { return protocol.Action(i) })
)

// namesOf lists the names of values from 0 on, up to the first that has none.
func namesOf(value func(i uint8) fmt.Stringer) []string {
	var names []string
	for i := uint8(0); ; i++ {
		name := value(i).String()
		if strings.HasPrefix(name, "invalid(") {
			return names
		}
		names = append(names, name)
	}
}

// value reads one of the names.
func (l *line) value(what string, names []string) uint8 {
	word := l.word()
	for i, name := range names {
		if string(word) == name {
			return uint8(i)
		}
	}
	l.unknown(what, word)
	return 0
}

func (l *line) action() protocol.Action {
	l.expect(`,"action":"`)
	return protocol.Action(l.value("action", actions))
}

// group reads a group or None.
func (l *line) group(name string) protocol.Group {
	l.expectName(name)
	l.expect(`"`)
	word := l.word()
	if string(word) == protocol.NoGroup.String() {
		return protocol.NoGroup
	}
	if len(word) > 1 && word[0] == 'g' {
		n, err := strconv.ParseUint(string(word[1:]), 10, 8)
		if err == nil && n >= 1 && n <= protocol.MaxGroups {
			return protocol.Group(n - 1)
		}
	}
	l.unknown("group", word)
	return 0
}

func (l *line) somebody(name string) protocol.Group {
	g := l.group(name)
	if g == protocol.NoGroup {
		l.unknown("group", []byte(g.String()))
	}
	return g
}

func (l *line) op() protocol.Op {
	l.expectName("op")
	l.expect(`"`)
	kind := protocol.OpKind(l.value("operation", kinds))
	return protocol.Op{Kind: kind, Tag: uint8(l.member("tag", 8))}
}
