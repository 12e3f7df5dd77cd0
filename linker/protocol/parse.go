package protocol

import (
	"fmt"
	"strconv"
	"strings"
)

// ParseGroup reads what Group prints: g1, g2, …, or None. The error is ErrUnknownName.
func ParseGroup(s string) (Group, error) {
	if s == NoGroup.String() {
		return NoGroup, nil
	}
	if digits, ok := strings.CutPrefix(s, "g"); ok {
		n, err := strconv.Atoi(digits)
		if err == nil && n >= 1 && n <= MaxGroups && strconv.Itoa(n) == digits {
			return Group(n - 1), nil
		}
	}
	return 0, fmt.Errorf("%w: group %q", ErrUnknownName, s)
}

// ParseOp reads what Op prints: <<"LoadModules", 1>>, or <<>>. White space does not
// count. The error is ErrUnknownName.
func ParseOp(s string) (Op, error) {
	unknown := fmt.Errorf("%w: operation %q", ErrUnknownName, s)
	text := strings.Join(strings.Fields(s), "")
	text, open := strings.CutPrefix(text, "<<")
	text, closed := strings.CutSuffix(text, ">>")
	if !open || !closed {
		return Op{}, unknown
	}
	if text == "" {
		return Op{}, nil
	}
	name, number, _ := strings.Cut(text, ",")
	quoted, err := strconv.Unquote(name)
	if err != nil {
		return Op{}, unknown
	}
	kind, err := ParseOpKind(quoted)
	if err != nil {
		return Op{}, err
	}
	tag, err := strconv.ParseUint(number, 10, 8)
	if err != nil {
		return Op{}, unknown
	}
	return Op{Kind: kind, Tag: uint8(tag)}, nil
}

// ParseStep reads what Step prints, and what TLC prints of an action:
// Work(g1, <<"LoadModules", 1>>). White space between arguments does not count.
// The error is ErrUnknownName.
func ParseStep(s string) (Step, error) {
	name, rest, hasArguments := strings.Cut(s, "(")
	action, err := ParseAction(name)
	if err != nil {
		return Step{}, err
	}
	unknown := fmt.Errorf("%w: step %q", ErrUnknownName, s)
	t := Step{Action: action}
	if arity := actions[action].arity; arity == ofNobody || !hasArguments {
		if arity == ofNobody && !hasArguments {
			return t, nil
		}
		return Step{}, unknown
	}
	rest, closed := strings.CutSuffix(rest, ")")
	first, second, two := strings.Cut(rest, ",")
	if !closed || two != (actions[action].arity != ofGroup) {
		return Step{}, unknown
	}
	if t.Group, err = ParseGroup(strings.TrimSpace(first)); err != nil {
		return Step{}, err
	}
	switch actions[action].arity {
	case ofGroupOp:
		t.Op, err = ParseOp(second)
	case ofPair:
		t.Child, err = ParseGroup(strings.TrimSpace(second))
	}
	if err != nil {
		return Step{}, err
	}
	return t, nil
}
