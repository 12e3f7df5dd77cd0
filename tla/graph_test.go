package tla

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"
)

// twoStates is a state graph as TLC writes it: edges before the states they lead to, long values on
// several lines.
const twoStates = `strict digraph DiskGraph {
node [shape=box,style=rounded]
nodesep=0.35;
subgraph cluster_graph {
color="white";
11 [label="/\\ x = <<\"a\", 1>>\n/\\ f = ( g1 :> 1 @@\n  g2 :> 2 )",style = filled]
11 -> -22 [label="Act(g1,<<\"a\", 1>>)",color="black",fontcolor="black"];
-22 [label="/\\ x = <<>>\n/\\ f = (g1 :> 1 @@ g2 :> 2)",tooltip="x"];
-22 -> -22 [label="Terminated",color="black",fontcolor="black"];
{rank = same; 11;-22;}
}
}
`

func mustReadDOT(t *testing.T, text string) Graph {
	t.Helper()
	g, err := ReadDOT(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestReadDOT(t *testing.T) {
	got := mustReadDOT(t, twoStates)
	if got.States != 2 || got.Edges != 2 {
		t.Errorf("%d states and %d edges, want 2 and 2", got.States, got.Edges)
	}
	// The same graph, built by hand: other order of variables and steps, other white space.
	var b GraphBuilder
	second := b.State("/\\ f = (g1 :> 1 @@ g2 :> 2)\n/\\ x = <<>>")
	first := b.State("/\\ f = (g1 :> 1 @@ g2 :> 2)\n/\\ x = <<\"a\",  1>>")
	b.Edge(second, "Terminated", second)
	b.Edge(first, `Act(g1, <<"a", 1>>)`, second)
	b.Edge(first, `Act(g1, <<"a", 1>>)`, second)
	if built := b.Graph(); built != got {
		t.Errorf("built %+v, read %+v", built, got)
	}
}

func TestGraphsDiffer(t *testing.T) {
	base := mustReadDOT(t, twoStates)
	for name, change := range map[string][2]string{
		"value":    {"x = <<>>", "x = <<1>>"},
		"label":    {"Act(g1", "Act(g2"},
		"no edge":  {`-22 -> -22 [label="Terminated",color="black",fontcolor="black"];` + "\n", ""},
		"from":     {"11 -> -22", "-22 -> -22"},
		"to":       {"11 -> -22", "11 -> 11"},
		"variable": {"x = <<>>", "y = <<>>"},
	} {
		text := strings.ReplaceAll(twoStates, change[0], change[1])
		if text == twoStates {
			t.Fatalf("%s: nothing was changed", name)
		}
		if got := mustReadDOT(t, text); got.SHA256 == base.SHA256 {
			t.Errorf("%s: the digest is the same", name)
		}
	}
}

func TestReadBareDOT(t *testing.T) {
	renamed := strings.ReplaceAll(twoStates, "Act(g1", "Other(g2")
	bare := func(text string) Graph {
		g, err := ReadBareDOT(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	got := bare(twoStates)
	if got != bare(renamed) || got.States != 2 || got.Edges != 1 {
		t.Errorf("got %+v and %+v, want equal graphs with 2 states and 1 step", got, bare(renamed))
	}
	if other := bare(strings.ReplaceAll(twoStates, "11 -> -22",
		"-22 -> 11")); other.SHA256 == got.SHA256 {
		t.Error("the other direction is another graph")
	}
}

func TestReadDOTRefusesNonsense(t *testing.T) {
	for _, text := range []string{
		"11\n",
		"11 [color=red]\n",
		`11 [label="open` + "\n",
		`11 -> 12 [label="A"];` + "\n",
		`11 -> ` + "\n",
	} {
		if g, err := ReadDOT(strings.NewReader(text)); !errors.Is(err, ErrGraph) {
			t.Errorf("%q: %+v, %v, want ErrGraph", text, g, err)
		}
	}
}

func TestLoadGraphs(t *testing.T) {
	for text, ok := range map[string]bool{
		`[{"model": "m", "inputs": "i", "states": 1, "edges": 2, "sha256": "s"}]`: true,
		`{`: false,
	} {
		graphs, err := LoadGraphs(fstest.MapFS{GraphsFile: {Data: []byte(text)}})
		if (err == nil) != ok || err != nil && !errors.Is(err, ErrGraph) {
			t.Errorf("%s: %v", text, err)
		}
		if ok && (len(graphs) != 1 ||
			graphs[0] != RecordedGraph{Model: "m", Inputs: "i",
				Graph: Graph{States: 1, Edges: 2, SHA256: "s"}}) {
			t.Errorf("%s: %+v", text, graphs)
		}
	}
	if _, err := LoadGraphs(fstest.MapFS{}); !errors.Is(err, ErrGraph) {
		t.Errorf("no file: %v, want ErrGraph", err)
	}
}
