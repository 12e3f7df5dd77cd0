package tla

import (
	"fmt"
	"strings"
)

// Guard is one condition under which an action is possible: a conjunct of its definition that says
// nothing about the next state, or a conjunct of an alternative within one.
type Guard struct {
	// Action is the action's name, and Number counts its guards from 1.
	Action string
	Number int
	// Text is the condition, in one line.
	Text string

	start, end int // where it stands in the module's source
}

// Guards returns the guards of an action's definition, in order. The definition must be laid out as
// those of LinkerSync are: a list of conjuncts, one a line, each behind four spaces and /\;
// alternatives within a conjunct one a line, each behind \/. Otherwise the error is a [*SpecError]
// that wraps [ErrSyntax].
func (m *Module) Guards(action string) ([]Guard, error) {
	conjuncts, err := m.conjuncts(action)
	var guards []Guard
	for _, c := range conjuncts {
		for _, g := range splitGuard(m.Source[c.start:c.end], c.start) {
			g.Action, g.Number = action, len(guards)+1
			guards = append(guards, g)
		}
	}
	return guards, err
}

// Conjuncts returns the conjuncts of an action's definition that say nothing about the next state,
// in order and each in one line: the guard as a Go method states it. The error is that of
// [Module.Guards].
func (m *Module) Conjuncts(action string) ([]string, error) {
	conjuncts, err := m.conjuncts(action)
	var texts []string
	for _, c := range conjuncts {
		texts = append(texts, strings.TrimPrefix(c.Text, `\/ `))
	}
	return texts, err
}

// conjuncts returns the conjuncts that say nothing about the next state.
func (m *Module) conjuncts(action string) ([]Guard, error) {
	begin, end, ok := m.definition(action)
	if !ok {
		return nil, &SpecError{File: m.Name + ".tla", Err: ErrSyntax,
			What: "no definition of " + action + " as a list of conjuncts"}
	}
	var all []Guard
	for begin < end {
		next := end
		if i := strings.Index(m.Source[begin+1:end], bulletLine); i >= 0 {
			next = begin + 1 + i
		}
		from := begin + len(bulletLine)
		text := m.Source[from:next]
		if !strings.Contains(text, "'") && !strings.HasPrefix(text, "UNCHANGED") {
			all = append(all, newGuard(text, from))
		}
		begin = next
	}
	return all, nil
}

// Definer returns the module that defines an action as a list of conjuncts, for [Module.Guards].
// The error is that of [Module.Guards].
func (s *Specification) Definer(action string) (*Module, error) {
	for _, m := range s.Modules {
		if _, _, ok := m.definition(action); ok {
			return m, nil
		}
	}
	_, err := s.Root.conjuncts(action)
	return nil, err
}

// bulletLine is how a conjunct of a definition starts.
const bulletLine = "\n    /\\ "

// definition returns where the conjuncts of a definition start and end in the source.
func (m *Module) definition(name string) (begin, end int, ok bool) {
	for offset := 0; ; {
		i := strings.Index(m.Source[offset:], "\n"+name)
		if i < 0 {
			return 0, 0, false
		}
		offset += i + 1
		line, _, _ := strings.Cut(m.Source[offset:], "\n")
		head := strings.TrimPrefix(line, name)
		begin = offset + len(line)
		if strings.HasSuffix(head, "==") && (head[0] == ' ' || head[0] == '(') &&
			strings.HasPrefix(m.Source[begin:], bulletLine) {
			break
		}
	}
	end = len(m.Source)
	for _, mark := range []string{"\n\n", "\n===="} {
		if i := strings.Index(m.Source[begin:end], mark); i >= 0 {
			end = begin + i
		}
	}
	return begin, end, true
}

// splitGuard returns a conjunct, or where it is a list of alternatives, the conjuncts of each.
func splitGuard(text string, offset int) []Guard {
	if !strings.HasPrefix(text, `\/ `) {
		return []Guard{newGuard(text, offset)}
	}
	var guards []Guard
	for line := range strings.SplitSeq(text, "\n") {
		body := strings.TrimLeft(line, " ")
		at := offset + len(line) - len(body)
		body, _ = strings.CutPrefix(body, `\/ `)
		at += len(`\/ `)
		for part := range strings.SplitSeq(body, ` /\ `) {
			guards = append(guards, newGuard(part, at))
			at += len(part) + len(` /\ `)
		}
		offset += len(line) + 1
	}
	return guards
}

func newGuard(text string, offset int) Guard {
	return Guard{Text: strings.Join(strings.Fields(text), " "), start: offset, end: offset +
		len(text)}
}

// WithoutGuard returns the module's source with the guard replaced by TRUE.
func (m *Module) WithoutGuard(g Guard) string {
	return m.Source[:g.start] + "TRUE" + m.Source[g.end:]
}

func (g Guard) String() string {
	return fmt.Sprintf("%s, guard %d: %s", g.Action, g.Number, g.Text)
}
