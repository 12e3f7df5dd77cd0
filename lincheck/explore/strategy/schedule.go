package strategy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Schedule is what was decided at the choice points of a run, in their order: a
// choice point is a scheduling point at which more than one thing could go on.
// Choice 0 means to keep running the same task, or, where that is not possible,
// the next one; it is also what follows the end of the list.
type Schedule []int

// String writes the choices that are not 0, each with its position: "7:1,12:2". The schedule in
// which no task is interrupted is "0".
func (s Schedule) String() string {
	var parts []string
	for i, c := range s {
		if c != 0 {
			parts = append(parts, fmt.Sprintf("%d:%d", i, c))
		}
	}
	if len(parts) == 0 {
		return "0"
	}
	return strings.Join(parts, ",")
}

// maxPosition bounds what ParseSchedule allocates.
const maxPosition = 1 << 20

// SyntaxError is the error of a text that is no schedule.
type SyntaxError struct {
	Text string // what was to be parsed
	Part string // where it went wrong
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("strategy: %q is no schedule: want position:choice in ascending order, "+
		"such as 7:1,12:2, have %q", e.Text, e.Part)
}

// ParseSchedule is the reverse of String. The error is a *SyntaxError.
func ParseSchedule(text string) (Schedule, error) {
	if text == "0" {
		return nil, nil
	}
	var s Schedule
	for part := range strings.SplitSeq(text, ",") {
		position, choice, ok := strings.Cut(part, ":")
		p, errP := strconv.Atoi(position)
		c, errC := strconv.Atoi(choice)
		if !ok || errP != nil || errC != nil || p < len(s) || p >= maxPosition || c < 1 {
			return nil, &SyntaxError{Text: text, Part: part}
		}
		s = append(s, make([]int, p-len(s))...)
		s = append(s, c)
	}
	return s, nil
}

// Trim drops what has no meaning: zeros at the end.
func (s Schedule) Trim() Schedule {
	n := len(s)
	for n > 0 && s[n-1] == 0 {
		n--
	}
	return slices.Clone(s[:n])
}

// Switches is how many choices are not 0.
func (s Schedule) Switches() (n int) {
	for _, c := range s {
		if c != 0 {
			n++
		}
	}
	return n
}
