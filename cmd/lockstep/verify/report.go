package verify

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/lockstep-wasm/lockstep/counterexample"
	"github.com/lockstep-wasm/lockstep/timeline"
)

//go:embed report.html
var reportPage string

// page is the report's template. The history's picture is a page of its own, shown in a frame.
var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"seconds": seconds,
	"date":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
	"text":    func(b []byte) string { return string(b) },
	"mark":    mark,
	"style":   counterexample.Style,
	"script":  counterexample.Script,
	"classes": counterexample.ClassList,
	"embed":   (*counterexample.Counterexample).Embed,
	"timeline": func(t *timeline.Timeline, i int) (template.HTML, error) {
		return counterexample.EmbedTimeline(t, fmt.Sprintf("run-%d", i))
	},
	"mistake": mistakeTimeline,
}).Parse(reportPage))

// mark is the class of a verdict's text.
func mark(v Verdict) string {
	switch v {
	case OK:
		return "ok"
	case Skipped:
		return "skip"
	}
	return "bad"
}

// mistakeTimeline is the timeline of a counterexample.
func mistakeTimeline(c *counterexample.Counterexample, i int) (template.HTML, error) {
	t, err := timeline.New(c.Title(), c.Config, c.Actions, nil)
	if err != nil {
		return "", err
	}
	return counterexample.EmbedTimeline(t, fmt.Sprintf("mistake-%d", i))
}

// Failures lists the findings that are not good.
func (r *Report) Failures() (list []Finding) {
	for _, f := range r.Findings {
		if f.Verdict != OK {
			list = append(list, f)
		}
	}
	return list
}

// Headline says in a line what came of all checks.
func (r *Report) Headline() string {
	bad, skipped := 0, 0
	for _, f := range r.Findings {
		switch f.Verdict {
		case OK:
		case Skipped:
			skipped++
		default:
			bad++
		}
	}
	text := fmt.Sprintf("Everything holds: %d checks.", len(r.Findings)-skipped)
	if bad > 0 {
		text = fmt.Sprintf("%d of %d checks failed.", bad, len(r.Findings)-skipped)
	}
	if skipped > 0 {
		text += fmt.Sprintf(" %d skipped.", skipped)
	}
	return text
}

// Command is what makes this report again.
func (r *Report) Command() string {
	d, command := DefaultOptions(nil, nil), "lockstep verify"
	for _, n := range []struct {
		name      string
		now, then any
	}{
		{"seed", r.Options.Seed, d.Seed}, {"programs", r.Options.Programs, d.Programs},
		{"groups", r.Options.Groups, d.Groups},
		{"clients", r.Options.Clients, d.Clients}, {"rounds", r.Options.Rounds, d.Rounds},
		{"operations", r.Options.Operations, d.Operations},
		{"exploration", r.Options.Exploration, d.Exploration},
		{"embedded", r.Options.Embedded, d.Embedded}, {"grammar", r.Options.Grammar, d.Grammar},
	} {
		if n.now != n.then {
			command += fmt.Sprintf(" --%s %v", n.name, n.now)
		}
	}
	return command
}

// WriteHTML writes the report as one HTML page that needs nothing else.
func (r *Report) WriteHTML(w io.Writer) error {
	if err := page.Execute(w, r); err != nil {
		return fmt.Errorf("verify: report: %w", err)
	}
	return nil
}

// WriteTable writes what was checked, how much of it, and the verdicts.
func (r *Report) WriteTable(w io.Writer) {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleLight)
	t.AppendHeader(table.Row{"checked", "how much", "verdict", "time"})
	t.Style().Format.Footer = text.FormatDefault
	t.SetColumnConfigs([]table.ColumnConfig{ // 80 columns with the frame
		{Number: 1, WidthMax: 25, WidthMaxEnforcer: text.WrapSoft},
		{Number: 2, WidthMax: 26, WidthMaxEnforcer: text.WrapSoft},
		{Number: 4, Align: text.AlignRight},
	})
	for i, f := range r.Findings {
		if i > 0 {
			t.AppendSeparator()
		}
		t.AppendRow(table.Row{f.Subject, f.Amount, string(f.Verdict), seconds(f.Took)})
	}
	t.AppendFooter(table.Row{"", "", string(r.verdict()), seconds(r.Took)})
	t.Render()
	for _, f := range r.Findings {
		switch {
		case f.Counterexample != nil:
			fmt.Fprintf(w, "\n%s: %s\n", f.Verdict, f.Subject)
			if f.Detail != f.Counterexample.Title() {
				fmt.Fprintln(w, f.Detail)
			}
			fmt.Fprintf(w, "found by %s:\n%s", f.Counterexample.By, f.Counterexample)
		case f.Detail != "":
			fmt.Fprintf(w, "\n%s: %s\n%s\n", f.Verdict, f.Subject, f.Detail)
		}
	}
}

func (r *Report) verdict() Verdict {
	switch {
	case r.Stopped:
		return Stopped
	case r.OK():
		return OK
	}
	return Failed
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

// Summary is a report as JSON.
type Summary struct {
	Verdict  Verdict   `json:"verdict"`
	Started  time.Time `json:"started"`
	Took     int64     `json:"took_ns"`
	Findings []Finding `json:"findings"`
}

// Summary returns the findings and the verdict.
func (r *Report) Summary() Summary {
	return Summary{
		Verdict:  r.verdict(),
		Started:  r.Started,
		Took:     r.Took.Nanoseconds(),
		Findings: r.Findings,
	}
}
