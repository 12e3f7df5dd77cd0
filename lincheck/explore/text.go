package explore

import (
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Text is the finding for a terminal: what went wrong, the operations, a table with a column for
// each goroutine and a row for each access, who waits for whom, and the command that repeats it.
func (f *Finding) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", f.Kind(), f.Message())
	if f.verdict != "" {
		fmt.Fprintf(&b, "%s\n", strings.TrimRight(f.verdict, "\n"))
	}
	if f.scenario != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.TrimRight(f.scenario, "\n"))
	}
	b.WriteString("\n" + f.Table() + "\n")
	if f.left > 0 {
		fmt.Fprintf(&b,
			"%d accesses are not shown: of what one goroutine uses, plain ones, and those before "+
				"and after.\n", f.left)
	}
	if w := f.result.Failure.Waiting; len(w) > 0 {
		b.WriteString("\nwho waits for whom:\n")
		for _, w := range w {
			fmt.Fprintf(&b, "  %s\n", w)
		}
	}
	if len(f.result.Failure.Stack) > 0 {
		fmt.Fprintf(&b, "\n%s\n", trimStack(f.result.Failure.Stack))
	}
	if f.command != "" {
		fmt.Fprintf(&b, "\nto run it again:\n  %s\n", f.command)
	}
	return b.String()
}

// widest is how wide a column may be before its text is wrapped.
const widest = 52

// Table is the run: a column for each goroutine, a row for each access. An arrow marks where
// another goroutine goes on, and a star the accesses that matter: those of a race, or those between
// which another came in.
func (f *Finding) Table() string {
	lanes, cells := f.cells()
	w := table.NewWriter()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.Style().Options.SeparateRows = false
	head := table.Row{""}
	var config []table.ColumnConfig
	for i, l := range lanes {
		head = append(head, l.Name)
		config = append(config, table.ColumnConfig{Number: i + 2, WidthMax: widest,
			WidthMaxEnforcer: text.WrapSoft})
	}
	w.SetColumnConfigs(config)
	w.AppendHeader(head)
	for i, c := range cells {
		row := make(table.Row, len(lanes)+1)
		row[0] = fmt.Sprint(i + 1)
		for k := range lanes {
			row[k+1] = ""
		}
		what := c.What
		switch {
		case c.Op:
			what = "▸ " + what
		case c.Place != "":
			what = "  " + what + "  " + c.Place
		default:
			what = "  " + what
		}
		if c.Mark {
			what = "★ " + strings.TrimLeft(what, " ")
		}
		if c.Switch {
			row[0] = fmt.Sprint(i+1) + " ⇄"
		}
		row[c.Column+1] = what
		w.AppendRow(row)
	}
	return w.Render()
}

// trimStack leaves what the explorer adds out of a stack.
func trimStack(stack []byte) string {
	lines := strings.Split(string(stack), "\n")
	var out []string
	for i := 0; i < len(lines); i++ {
		if strings.Contains(lines[i], "lincheck/explore/internal/sched.") ||
			strings.HasPrefix(lines[i], "runtime/debug.") || strings.HasPrefix(lines[i], "panic(") {
			i++
			continue
		}
		out = append(out, lines[i])
	}
	return strings.TrimSpace(strings.Join(out, "\n"))
}
