package treesitter_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/lockstep-wasm/lockstep/treesitter"
)

func indexOf(nodes []treesitter.Node, n treesitter.Node) int { return slices.Index(nodes, n) }

func compareNodes(t *testing.T, source string, nodes []treesitter.Node, want []oracleNode) {
	t.Helper()
	column := func(at int, p treesitter.Point) int {
		return unit(source, at) - unit(source, at-p.Column)
	}
	cursor := nodes[0].Walk()
	for i, n := range nodes {
		w := want[i]
		a, b := n.StartPoint(), n.EndPoint()
		cursor.GotoDescendant(i)
		got := oracleNode{n.Type(), n.GrammarType(), n.Field(), n.Symbol(), cursor.Depth(),
			[6]int{unit(source, n.Start()), unit(source, n.End()), a.Row, column(n.Start(), a),
				b.Row, column(n.End(), b)},
			[5]bool{n.IsNamed(), n.IsExtra(), n.IsMissing(), n.IsError(), n.HasError()},
			[2]uint16{n.ParseState(), n.NextParseState()}, [9]int{},
			[3]int{n.ChildCount(), n.NamedChildCount(), n.DescendantCount()}, -1, nil}
		for j, link := range []treesitter.Node{n.Parent(), n.NextSibling(), n.PrevSibling(),
			n.NextNamedSibling(), n.PrevNamedSibling(), n.Child(0), n.Child(n.ChildCount() - 1),
			n.NamedChild(0), n.NamedChild(n.NamedChildCount() - 1)} {
			got.Links[j] = indexOf(nodes, link)
		}
		if f := n.Field(); f != "" {
			got.ByField = indexOf(nodes, n.Parent().ChildByField(f))
			for _, c := range n.Parent().ChildrenByField(f) {
				got.AllByField = append(got.AllByField, indexOf(nodes, c))
			}
		}
		// Two answers of web-tree-sitter are none: the name of a hidden rule, and the sibling of no
		// length behind a node.
		if s := n.NextSibling(); !s.IsZero() && s.IsMissing() && w.Links[1] < 0 {
			w.Links[1] = got.Links[1]
		}
		if !n.Tree().Language().TypeIsVisible(n.GrammarSymbol()) && w.GrammarType == "ERROR" {
			w.GrammarType = got.GrammarType
		}
		same := slices.Equal(got.AllByField, w.AllByField)
		got.AllByField, w.AllByField = nil, nil
		a1, _ := json.Marshal(got)
		b1, _ := json.Marshal(w)
		if !same || !bytes.Equal(a1, b1) {
			t.Errorf("node %d\n%s, want\n%s (all of the field: %v)", i, a1, b1, same)
		}
	}
}

func compareSmallest(t *testing.T, c oracleCase, root treesitter.Node, want [][]int) {
	t.Helper()
	nodes := slices.Collect(root.Descendants())
	offset := func(units int) int {
		return len(string(utf16.Decode(utf16.Encode([]rune(c.Source))[:units])))
	}
	length := unit(c.Source, len(c.Source))
	for row, i := 0, 0; i <= length; row, i = row+1, i+c.Step {
		from := offset(i)
		if unit(c.Source, from) != i {
			continue // in the middle of a character
		}
		got := []int{indexOf(nodes, root.FirstChildFor(from)),
			indexOf(nodes, root.FirstNamedChildFor(from))}
		for j := i; j <= length; j += c.Step {
			to := offset(j)
			a, b := root.DescendantFor(from, to), root.NamedDescendantFor(from, to)
			if unit(c.Source, to) != j {
				at := len(got)
				got = append(got, want[row][at], want[row][at+1])
				continue
			}
			got = append(got, indexOf(nodes, a), indexOf(nodes, b))
			p, q := treesitter.PointAt(c.Source, from), treesitter.PointAt(c.Source, to)
			if root.DescendantForPoints(p, q) != a || root.NamedDescendantForPoints(p, q) != b {
				t.Errorf("another node for %v to %v than for %d to %d", p, q, from, to)
			}
		}
		if !slices.Equal(got, want[row]) {
			t.Errorf("nodes from %d: %v, want %v", from, got, want[row])
		}
	}
}

func compareQuery(t *testing.T, source string, root treesitter.Node, query string,
	want oracleAnswer) {
	t.Helper()
	q, err := root.Tree().Language().NewQuery(t.Context(), query)
	if want.Error != 0 {
		var e *treesitter.QueryError
		if !errors.As(err, &e) || e.Kind != want.Error {
			t.Errorf("%s: error %v, want one of kind %v", query, err, want.Error)
		}
		return
	}
	if err != nil {
		t.Errorf("%.100s: %v", query, err)
		return
	}
	captures, err := q.Captures(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	describe := func(list []treesitter.Capture) (all []oracleCapture) {
		for _, c := range list {
			x := oracleCapture{c.Name, c.Pattern, [2]int{unit(source, c.Node.Start()),
				unit(source, c.Node.End())}, map[string]*string{}}
			for k, v := range q.PatternInfo(c.Pattern).Set {
				if x.Set[k] = &v; v == "" {
					x.Set[k] = nil
				}
			}
			all = append(all, x)
		}
		return all
	}
	same(t, "captures of "+query, describe(captures), want.Captures)
	matches, err := q.Matches(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	var list []oracleMatch
	for _, m := range matches {
		list = append(list, oracleMatch{m.Pattern, describe(m.Captures)})
	}
	for _, m := range want.Matches {
		for i := range m.Captures {
			// In JavaScript, properties are those of the match.
			m.Captures[i].Set = map[string]*string{}
			for k, v := range q.PatternInfo(m.Pattern).Set {
				if m.Captures[i].Set[k] = &v; v == "" {
					m.Captures[i].Set[k] = nil
				}
			}
		}
	}
	same(t, "matches of "+query, list, want.Matches)
	var others [][]string
	for i := range q.PatternCount() {
		names := []string{}
		for _, p := range q.PatternInfo(i).Predicates {
			names = append(names, p.Name)
		}
		others = append(others, names)
	}
	same(t, "other predicates of "+query, others, want.Others)
	if err := q.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	a, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) == "null" {
		a = []byte("[]")
	}
	if string(b) == "null" {
		b = []byte("[]")
	}
	if !bytes.Equal(a, b) {
		t.Errorf("%.300s:\n%.2000s, want\n%.2000s", what, a, b)
	}
}

func compareEdit(t *testing.T, p *treesitter.Parser, tree *treesitter.Tree,
	edit treesitter.InputEdit, want oracleResult) {
	t.Helper()
	edited, err := tree.Edit(t.Context(), edit)
	if err != nil {
		t.Fatal(err)
	}
	root, err := edited.Root(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := sexp(t, root); got != want.Edited {
		t.Errorf("edited tree\n%s\nwant\n%s", got, want.Edited)
	}
	next, root := parse(t, p, edited.Source(), treesitter.After(edited))
	if got := sexp(t, root); got != want.Next {
		t.Errorf("next tree\n%s\nwant\n%s", got, want.Next)
	}
	ranges, err := edited.ChangedRanges(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	var changed [][2]int
	for _, r := range ranges {
		changed = append(changed, [2]int{unit(next.Source(), r.Start), unit(next.Source(), r.End)})
	}
	same(t, "changed ranges", changed, want.Changed)
}
