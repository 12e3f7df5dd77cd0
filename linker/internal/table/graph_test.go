package table

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/tla"
)

// The constants of tla/MCpointers.cfg.
const (
	libraries = 4
	rests     = 1
	entries   = 3
)

// pointers is a state of tla/Pointers.tla: the room, and what the specification remembers besides.
type pointers struct {
	room      Quarantine
	has, kept [libraries]uint32
	after     [entries]uint32
}

func owner(l int) spans.Owner { return spans.Owner{What: fmt.Sprint(l + 1)} }

// step loads a library that is not loaded, or unloads it, and names the action as TLC does.
func (p pointers) step(l int) (pointers, string, error) {
	p.room = p.room.Clone()
	if p.has[l] == 0 {
		e, err := p.room.Take(1, 1, owner(l))
		p.has[l], p.kept[l] = e, e
		return p, "Take", err
	}
	for e := range p.after {
		p.after[e] = min(p.after[e]+1, rests)
	}
	p.after[p.has[l]-1] = 0
	p.room.Retire(spans.Span{Base: p.has[l], Size: 1}, owner(l))
	p.has[l] = 0
	return p, "Retire", nil
}

// text is the state as TLC prints it.
func (p *pointers) text() string {
	var resting []string
	for _, r := range p.room.inQuarantine() {
		resting = append(resting, fmt.Sprintf("<<%d, %s>>", r.Base, r.What))
	}
	tuple := func(list []uint32) string {
		return strings.Join(strings.Fields(fmt.Sprint(list)), ", ")
	}
	var b strings.Builder
	fmt.Fprintf(&b, "/\\ size = %d\n/\\ resting = <<%s>>", p.room.Length-1,
		strings.Join(resting, ", "))
	for name, list := range map[string][]uint32{"has": p.has[:], "kept": p.kept[:],
		"after": p.after[:]} {
		text := strings.Trim(tuple(list), "[]")
		fmt.Fprintf(&b, "\n/\\ %s = <<%s>>", name, text)
	}
	return b.String()
}

// The states that the quarantine reaches, and its steps, are those of the specification: the graph
// is the one that TLC found.
func TestGraphIsTLCs(t *testing.T) {
	suite, err := tla.LoadSuite(os.DirFS("../../../tla"))
	if err != nil {
		t.Fatal(err)
	}
	graphs, err := tla.LoadGraphs(suite.FS)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(graphs, func(g tla.RecordedGraph) bool { return g.Model == "pointers" })
	if i < 0 {
		t.Fatal("there is no graph on record")
	}
	m, err := suite.Model("pointers")
	if err != nil {
		t.Fatal(err)
	}
	if inputs, err := suite.InputsHash(m); err != nil || inputs != graphs[i].Inputs {
		t.Fatalf("the specification changed since the graph was recorded (%v): run go run "+
			"./tla/cmd/tlc graphs --record", err)
	}
	first := pointers{room: Quarantine{Slots: Slots{Length: 1, Max: entries + 1}, Keep: rests}}
	for e := range first.after {
		first.after[e] = rests
	}
	var b tla.GraphBuilder
	seen := map[string]bool{b.State(first.text()): true}
	for next := []pointers{first}; len(next) > 0; {
		p := next[0]
		next = next[1:]
		from := b.State(p.text())
		for l := range libraries {
			q, label, err := p.step(l)
			if errors.As(err, new(*FullError)) {
				continue // the step is not possible
			} else if err != nil {
				t.Fatalf("%s: %v", label, err)
			}
			to := b.State(q.text())
			if b.Edge(from, label, to); !seen[to] {
				seen[to] = true
				next = append(next, q)
			}
		}
	}
	if got := b.Graph(); got != graphs[i].Graph {
		t.Errorf("got %+v, TLC's graph is %+v", got, graphs[i].Graph)
	}
}
