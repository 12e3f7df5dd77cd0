package timeline

import _ "embed"

//go:embed timeline.css
var style string

//go:embed timeline.js
var script string

// Style is the style sheet of pages that show timelines: its colours have the names of Classes.
func Style() string { return style }

// Script defines showTimeline(element, timeline, classes) for pages, and draws every element whose
// attribute data-timeline names an element with a Timeline as JSON.
func Script() string { return script }
