package mutation

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

// Mutant is one change of the source.
type Mutant struct {
	File     string // path in the repository, with slashes
	Line     int    // on which the change begins
	Function string // in which it is: Receiver.Name
	Before   string // the source, its white space made single spaces
	After    string // what stands in its place, likewise
	Which    int    // of the changes in the function that look the same, from 1

	name     string // of the file, without the folder
	from, to int    // what is replaced in the file
	after    string // by what, as it is
	text     []byte // the whole file, changed
	old      []byte
}

// Key names a mutant without its line, so that the name stays when other lines come and go.
func (m *Mutant) Key() string {
	key := fmt.Sprintf("%s %s: %s => %s", m.File, m.Function, m.Before, m.After)
	if m.Which > 1 {
		key += fmt.Sprintf(" #%d", m.Which)
	}
	return key
}

// fault makes a seeded fault of a mutant, for the machinery that runs those.
func (m *Mutant) fault() faults.Fault {
	return faults.Fault{Name: m.Key(), What: "mutant", Changes: []faults.Change{{File: m.File,
		Hunks: []faults.Hunk{{Old: lines(m.old), New: lines(m.text)}}}}}
}

func lines(text []byte) []string { return strings.SplitAfter(string(text), "\n") }

// candidates are the changes of a package in the order of its text, before anything is known of
// them but what they look like.
type candidates struct {
	source *source
	all    []*Mutant
}

// find lists the changes of a package. folder is the package's in the repository root. The errors
// are those of reading and checking it.
func find(ctx context.Context, root, folder string) (*candidates, error) {
	s, err := load(ctx, root, folder)
	if err != nil {
		return nil, err
	}
	c := &candidates{source: s}
	seen := map[string]int{}
	for _, name := range s.names {
		for _, e := range s.edits(name) {
			m := &Mutant{File: path.Join(folder, name), Function: e.function,
				Line: s.fset.Position(e.from).Line, Before: single(e.before),
				After: single(e.after), name: name, from: s.offset(e.from), to: s.offset(e.to),
				after: e.after}
			if m.Before == m.After {
				continue
			}
			seen[m.Key()]++
			m.Which = seen[m.Key()]
			c.all = append(c.all, m)
		}
	}
	return c, nil
}

// make makes the changed file, and tells whether it compiles: otherwise it is no mutant.
func (c *candidates) make(m *Mutant) bool {
	m.old = c.source.texts[m.name]
	m.text = bytes.Join([][]byte{m.old[:m.from], []byte(m.after), m.old[m.to:]}, nil)
	return c.source.compiles(m.name, m.text)
}

// single makes all white space single spaces, and shortens what is long.
func single(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	const most = 90
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + "…"
	}
	return text
}
