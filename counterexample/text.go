package counterexample

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// WriteText writes the counterexample for a terminal: the property, its sentence, and a line for
// each change. Lines are no longer than 80 columns, unless a value is.
func (c *Counterexample) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", c.Title())
	if c.Sentence != "" {
		for _, line := range wrap("should hold: "+c.Sentence, 78) {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	if c.Link != "" {
		fmt.Fprintf(&b, "  see %s\n", c.Link)
	}
	b.WriteByte('\n')
	width := 0
	for _, s := range c.Steps {
		width = max(width, utf8.RuneCountInString(s.Action))
	}
	width = min(width, 30)
	for _, s := range c.Steps {
		if s.Number == c.Loop {
			b.WriteString("  from here, this repeats for ever:\n")
		}
		head := fmt.Sprintf("  %3d  %-*s  ", s.Number, width, s.Action)
		if utf8.RuneCountInString(s.Action) > width {
			head += "\n" + strings.Repeat(" ", width+9)
		}
		if len(s.Changes) == 0 && s.Note == "" {
			head = strings.TrimRight(head, " \n")
		}
		b.WriteString(head)
		if s.Note != "" {
			b.WriteString("✗ " + s.Note)
		}
		for i, x := range s.Changes {
			if i > 0 {
				b.WriteString("\n" + strings.Repeat(" ", width+9))
			}
			fmt.Fprintf(&b, "%s: %s → %s", x.Variable, x.Before, x.After)
		}
		b.WriteByte('\n')
	}
	switch {
	case c.Loop > 0:
		fmt.Fprintf(&b, "       … and so on, from step %d\n", c.Loop)
	case c.Stops:
		b.WriteString("       … and nothing happens any more that has to\n")
	}
	if len(c.Possible) > 0 {
		for i, line := range wrap("possible would have been: "+strings.Join(c.Possible, ", "), 78) {
			if i == 0 {
				b.WriteByte('\n')
			}
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// String is what WriteText writes.
func (c *Counterexample) String() string {
	var b strings.Builder
	_ = c.WriteText(&b) // a Builder has no errors
	return b.String()
}

// wrap breaks a text into lines of at most width columns, between words.
func wrap(text string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return append(lines, line)
}
