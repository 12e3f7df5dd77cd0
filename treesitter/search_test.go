package treesitter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/treesitter"
)

// Where and how a query searches: in a range of the text, down to a depth, with so many matches in
// progress.
func TestSearches(t *testing.T) {
	const source = `["ö", 1, [2, [3, 4]], 5]` // ö has two bytes
	tree, root := parse(t, newParser(t, "json"), source)
	at := func(s string) int { return strings.Index(source, s) }
	for _, test := range []struct {
		name    string
		query   string
		options []treesitter.QueryOption
		want    []string
	}{
		{"everywhere", `(number) @n`, nil, []string{"1", "2", "3", "4", "5"}},
		{"a range touches what it begins or ends in", `(array) @n`,
			[]treesitter.QueryOption{treesitter.InBytes(at("3"), at("4"))},
			[]string{source, "[2, [3, 4]]", "[3, 4]"}},
		{"a range", `(number) @n`,
			[]treesitter.QueryOption{treesitter.InBytes(at("2"), at("4"))}, []string{"2", "3"}},
		{"all of it in a range", `(array) @n`,
			[]treesitter.QueryOption{treesitter.ContainedInBytes(at("[2"), at(", 5"))},
			[]string{"[2, [3, 4]]", "[3, 4]"}},
		{"the node itself", `(_) @n`,
			[]treesitter.QueryOption{treesitter.MaxStartDepth(0)}, []string{source}},
		{"a level below", `(array) @n`,
			[]treesitter.QueryOption{treesitter.MaxStartDepth(1)}, []string{source}},
		{"two levels below", `(array) @n`,
			[]treesitter.QueryOption{treesitter.MaxStartDepth(2)},
			[]string{source, "[2, [3, 4]]"}},
		{"enough in progress", `(number) @n`,
			[]treesitter.QueryOption{treesitter.MatchLimit(100)},
			[]string{"1", "2", "3", "4", "5"}},
	} {
		q, err := tree.Language().NewQuery(t.Context(), test.query)
		if err != nil {
			t.Fatal(err)
		}
		matches, err := q.Matches(t.Context(), root, test.options...)
		var got []string
		for _, m := range matches {
			for _, n := range m.Nodes("n") {
				got = append(got, n.Text())
			}
		}
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %v, want %q", test.name, got, err, test.want)
		}
	}
	q, err := tree.Language().NewQuery(t.Context(), `(array (number) @a (_) (number) @b)`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = q.Matches(t.Context(), root, treesitter.MatchLimit(1))
	if !errors.Is(err, treesitter.ErrMatchLimit) {
		t.Errorf("more in progress than allowed: %v", err)
	}
	for _, r := range []treesitter.QueryOption{treesitter.InBytes(2, 1),
		treesitter.ContainedInBytes(0, len(source)+1), treesitter.InBytes(-1, 1)} {
		if m, err := q.Matches(t.Context(), root, r); !errors.Is(err,
			treesitter.ErrRange) || m != nil {
			t.Errorf("no range: %v, %v", m, err)
		}
	}
}
