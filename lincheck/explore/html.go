package explore

import (
	"embed"
	"fmt"
	"html/template"
	"os"
	"strings"
)

//go:embed report.html
var pages embed.FS

// page is what the HTML report shows.
type page struct {
	Title, Kind, Message, Verdict, Scenario, Command, Stack string
	Lanes                                                   []lane
	Cells                                                   []cell
	Waiting                                                 []string
}

// writeHTML writes a finding as a page that needs nothing else.
func writeHTML(path, title string, f *Finding) error {
	p := page{Title: title, Kind: f.Kind(), Message: f.Message(), Verdict: f.verdict,
		Scenario: f.scenario,
		Command:  f.command, Stack: trimStack(f.result.Failure.Stack)}
	p.Lanes, p.Cells = f.cells()
	for _, w := range f.result.Failure.Waiting {
		p.Waiting = append(p.Waiting, w.String())
	}
	t, err := template.New("report.html").Funcs(template.FuncMap{
		"before": func(c cell) []struct{} { return make([]struct{}, c.Column) },
		"after":  func(c cell, l []lane) []struct{} { return make([]struct{}, len(l)-c.Column-1) },
		"add":    func(a, b int) int { return a + b },
	}).ParseFS(pages, "report.html")
	if err != nil {
		return fmt.Errorf("explore: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, p); err != nil {
		return fmt.Errorf("explore: %w", err)
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("explore: %w", err)
	}
	return nil
}
