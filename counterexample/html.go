package counterexample

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"

	"github.com/lockstep-wasm/lockstep/timeline"
)

//go:embed page.html
var pageText string

// page is a page with counterexamples and timelines, and the templates that other pages use for
// theirs.
var page = template.Must(template.New("page").Parse(pageText))

// Style is what pages that show timelines and counterexamples have between <style> and </style>.
func Style() template.CSS { return template.CSS(timeline.Style()) }

// Script is what they have in a <script> at their end, behind the elements that Embed and ClassList
// write.
func Script() template.JS { return template.JS(timeline.Script()) }

// jsClass is a Class for the script.
type jsClass struct {
	Name  string `json:"name"`
	Means string `json:"means"`
}

// ClassList is the element that tells the script what the colours mean; a page has it once.
func ClassList() (template.HTML, error) {
	var list []jsClass
	for _, c := range timeline.Classes() {
		list = append(list, jsClass{c.Name, c.Means})
	}
	return element("tl-classes", list)
}

// EmbedTimeline is a timeline as a part of a page, under an identifier of its own.
func EmbedTimeline(t *timeline.Timeline, id string) (template.HTML, error) {
	data, err := element(id+"-data", t)
	if err != nil {
		return "", err
	}
	where := template.HTMLEscapeString(id)
	return template.HTML(`<div id="`+where+`" data-timeline="`+where+`-data"></div>`) + data, nil
}

// element is a value as JSON in an element that shows nothing.
func element(id string, v any) (template.HTML, error) {
	text, err := json.Marshal(v) // it escapes <, > and &
	if err != nil {
		return "", fmt.Errorf("counterexample: %w", err)
	}
	return template.HTML(`<script type="application/json" id="` + template.HTMLEscapeString(id) +
		`">` + string(text) + `</script>`), nil
}

// Embed is a counterexample as a part of a page: a table, with the action, and what it changes.
func (c *Counterexample) Embed() (template.HTML, error) {
	var b htmlBuilder
	if err := page.ExecuteTemplate(&b, "counterexample", c); err != nil {
		return "", fmt.Errorf("counterexample: %w", err)
	}
	return template.HTML(b), nil
}

// htmlBuilder collects what a template writes.
type htmlBuilder []byte

func (b *htmlBuilder) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// WriteHTML writes a page of its own, which needs nothing else, with a title, a sentence on it, a
// timeline and, if there is one, a counterexample.
func WriteHTML(w io.Writer, title, about string, t *timeline.Timeline, c *Counterexample) error {
	classes, err := ClassList()
	if err != nil {
		return err
	}
	picture, err := EmbedTimeline(t, "timeline")
	if err != nil {
		return err
	}
	err = page.Execute(w, map[string]any{
		"Title": title, "About": about, "Style": Style(), "Script": Script(), "Classes": classes,
		"Timeline": picture, "Counterexample": c,
	})
	if err != nil {
		return fmt.Errorf("counterexample: page: %w", err)
	}
	return nil
}
