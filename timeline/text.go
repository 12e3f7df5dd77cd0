package timeline

import (
	"fmt"
	"io"
	"strings"
)

// maxColumns is how many actions a block of a timeline in text has.
const maxColumns = 64

// WriteText draws the timeline with characters, in blocks of at most 80 columns: a column for each
// action, and below each block what the actions are if names is set. Numbers count actions from 1.
func (t *Timeline) WriteText(w io.Writer, names bool) error {
	var b strings.Builder
	runes, used := map[string]rune{}, map[string]bool{}
	for _, c := range Classes() {
		runes[c.Name] = c.Rune
	}
	if t.Title != "" {
		b.WriteString(t.Title + "\n\n")
	}
	for from := 0; from < len(t.Events); from += maxColumns {
		to := min(from+maxColumns, len(t.Events))
		fmt.Fprintf(&b, "%-12s%s\n", "", ruler(from, to))
		for _, lane := range t.Lanes {
			row := []rune(strings.Repeat(" ", to-from))
			for _, s := range lane.Spans {
				for i := max(s.From, from); i < min(max(s.To, s.From+1), to); i++ {
					row[i-from] = runes[s.Class]
					used[s.Class] = true
				}
			}
			line := strings.TrimRight(string(row), " ")
			fmt.Fprintf(
				&b,
				"%s\n",
				strings.TrimRight(fmt.Sprintf("%10s  %s", lane.Name, line), " "),
			)
		}
		if names {
			b.WriteByte('\n')
			for i := from; i < to; i++ {
				fmt.Fprintf(&b, "%10d  %s\n", i+1, t.Events[i].Action)
			}
		}
		b.WriteByte('\n')
	}
	for _, c := range Classes() {
		if used[c.Name] {
			fmt.Fprintf(&b, "%10c  %s\n", c.Rune, c.Means)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ruler has the number of every tenth action above it.
func ruler(from, to int) string {
	var b strings.Builder
	for i := from; i < to; {
		mark := ""
		if i == from || (i+1)%10 == 0 {
			mark = fmt.Sprint(i + 1)
		}
		if mark == "" || i+len(mark) > to {
			b.WriteByte(' ')
			i++
			continue
		}
		b.WriteString(mark)
		i += len(mark)
	}
	return strings.TrimRight(b.String(), " ")
}
