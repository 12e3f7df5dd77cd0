package tla

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// GraphsFile records the digests of complete state graphs.
const GraphsFile = "graphs.json"

// ErrGraph means that a state graph, or the record of graphs, could not be read.
var ErrGraph = errors.New("tla: invalid state graph")

// Graph is the digest of a complete state graph: equal for two graphs exactly when they have the
// same states and the same labelled edges.
type Graph struct {
	States int    `json:"states"`
	Edges  int    `json:"edges"`
	SHA256 string `json:"sha256"`
}

// RecordedGraph is a [Graph] that TLC dumped.
type RecordedGraph struct {
	// Model is the name in the manifest, and Inputs is [Suite.InputsHash] of the time of the
	// record.
	Model  string `json:"model"`
	Inputs string `json:"inputs"`
	Graph
}

// LoadGraphs reads [GraphsFile] of the folder. Errors wrap [ErrGraph].
func LoadGraphs(fsys fs.FS) ([]RecordedGraph, error) {
	data, err := fs.ReadFile(fsys, GraphsFile)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrGraph, err)
	}
	var graphs []RecordedGraph
	if err := json.Unmarshal(data, &graphs); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrGraph, GraphsFile, err)
	}
	return graphs, nil
}

// GraphBuilder collects a state graph. States are texts as TLC prints them, a conjunction of one
// equation a variable, in any order; white space does not count. The zero value is an empty graph.
// It must not be used by several goroutines at once.
type GraphBuilder struct {
	lines map[string]struct{}
	graph Graph
}

// State adds a state and returns its key, for [GraphBuilder.Edge].
func (b *GraphBuilder) State(text string) string {
	text = canonicalState(text)
	if b.add("state " + text) {
		b.graph.States++
	}
	return stateKey(text)
}

// Edge adds a step from one state to another, both given by their keys. The label is the action
// with its arguments.
func (b *GraphBuilder) Edge(from, label, to string) {
	if b.add("edge " + from + " " + withoutSpace(label) + " " + to) {
		b.graph.Edges++
	}
}

// Graph returns the digest of what was added so far.
func (b *GraphBuilder) Graph() Graph {
	lines := make([]string, 0, len(b.lines))
	for line := range b.lines {
		lines = append(lines, line)
	}
	slices.Sort(lines)
	hash := sha256.New()
	for _, line := range lines {
		fmt.Fprintln(hash, line)
	}
	g := b.graph
	g.SHA256 = hex.EncodeToString(hash.Sum(nil))
	return g
}

func (b *GraphBuilder) add(line string) bool {
	if _, ok := b.lines[line]; ok {
		return false
	}
	if b.lines == nil {
		b.lines = map[string]struct{}{}
	}
	b.lines[line] = struct{}{}
	return true
}

// stateKey is short, and long enough that two states do not share one.
func stateKey(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:12])
}

func canonicalState(text string) string {
	equations := strings.Split("\n"+text, "\n/\\ ")[1:]
	for i := range equations {
		equations[i] = withoutSpace(equations[i])
	}
	slices.Sort(equations)
	return strings.Join(equations, " ")
}

// withoutSpace takes out all white space: TLC breaks long values into lines. No string of the
// specification has any.
func withoutSpace(s string) string {
	return strings.Join(strings.Fields(s), "")
}

// ReadDOT reads the state graph that TLC dumps with -dump dot,actionlabels. Errors wrap [ErrGraph].
func ReadDOT(r io.Reader) (Graph, error) {
	return readDOT(r, (*GraphBuilder).Edge)
}

// ReadBareDOT reads the same file without the names of actions and without steps that change
// nothing: two specifications with equal bare graphs allow the same behaviours, whatever they call
// the steps.
func ReadBareDOT(r io.Reader) (Graph, error) {
	return readDOT(r, func(b *GraphBuilder, from, _, to string) {
		if from != to {
			b.Edge(from, "", to)
		}
	})
}

func readDOT(r io.Reader, add func(b *GraphBuilder, from, label, to string)) (Graph, error) {
	// Edges can name states that come later, so states are collected first.
	type edge struct{ from, label, to string }
	var (
		b     GraphBuilder
		keys  = map[string]string{}
		edges []edge
	)
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, 64<<20) // the lists of states of one depth are a line each
	for number := 1; scanner.Scan(); number++ {
		line := scanner.Bytes()
		if len(line) == 0 || line[0] != '-' && (line[0] < '0' || line[0] > '9') {
			continue // attributes of the picture
		}
		node, rest, ok := bytes.Cut(line, []byte(" "))
		if !ok {
			return Graph{}, fmt.Errorf("%w: line %d: neither a state nor a step", ErrGraph, number)
		}
		target, isEdge := bytes.CutPrefix(rest, []byte("-> "))
		if isEdge {
			target, rest, ok = bytes.Cut(target, []byte(" "))
		}
		label, found := dotLabel(rest)
		switch {
		case !ok || !found:
			return Graph{}, fmt.Errorf("%w: line %d: no label", ErrGraph, number)
		case isEdge:
			edges = append(edges, edge{string(node), label, string(target)})
		default:
			keys[string(node)] = b.State(label)
		}
	}
	if err := scanner.Err(); err != nil {
		return Graph{}, fmt.Errorf("%w: %w", ErrGraph, err)
	}
	for _, e := range edges {
		from, ok := keys[e.from]
		to, ok2 := keys[e.to]
		if !ok || !ok2 {
			return Graph{}, fmt.Errorf("%w: a step from %s to %s, which are not both states",
				ErrGraph, e.from, e.to)
		}
		add(&b, from, e.label, to)
	}
	return b.Graph(), nil
}

// dotLabel reads [label="…"…] and undoes its escapes.
func dotLabel(attributes []byte) (string, bool) {
	text, ok := bytes.CutPrefix(attributes, []byte(`[label="`))
	if !ok {
		return "", false
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '"':
			return b.String(), true
		case text[i] == '\\' && i+1 < len(text):
			i++
			if text[i] == 'n' {
				b.WriteByte('\n')
			} else {
				b.WriteByte(text[i])
			}
		default:
			b.WriteByte(text[i])
		}
	}
	return "", false
}
