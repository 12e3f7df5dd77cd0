package treesitter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/treesitter"
)

// describe says everything of a tree but the numbers of its nodes.
func describe(root treesitter.Node) string {
	var b strings.Builder
	for n := range root.Descendants() {
		r := n.Range()
		fmt.Fprintf(&b, "%s %s %v %v %d\n", n.Field(), n, r, n.IsExtra(), n.ChildCount())
	}
	return b.String()
}

// A text that was edited and parsed in the light of the old tree has the tree that it has when it
// is parsed anew: after any edit that leaves it without errors, in several languages. Where the
// structure is another one than the edited tree's, ChangedRanges has it.
func TestIncremental(t *testing.T) {
	l := newLibrary(t)
	pieces := map[string]struct {
		grammar, source string
		tokens          []string
	}{
		"json": {"tree-sitter-json/tree-sitter-json.wasm",
			"[1, [2, \"ü😀\"],\n {\"a\": [true, {}], \"b\": null}]\n",
			[]string{"1", "[]", "{}", "\"é\"", "[2, 3]", "{\"x\": 1}", "\n", " ", ", 7", "null"}},
		"go": {"tree-sitter-go/tree-sitter-go.wasm",
			"package p\n\nfunc f(a int) int {\n\tif a > 1 {\n\t\treturn g(a, \"ü😀\")\n\t}\n\t" +
				"return 2\n}\n\nvar x = []int{1, 2}\n",
			[]string{"x", "1", "f()", "(2)", "a + 1", "\n", "// c\n", "return 3\n", "\"é\"", "+ 4",
				"if x {}\n", "{}", "/* */"}},
		"python": {"tree-sitter-python/tree-sitter-python.wasm",
			"def f(a):\n  if a:\n    return [a, 'ü😀']\n  return 2\n\nx = f(1)\n",
			[]string{"x", "1", "f()", "(2)", "a + 1", "\n", "# c\n", "pass\n", "'é'", " + 4",
				"  "}},
	}
	for name, c := range pieces {
		t.Run(name, func(t *testing.T) {
			p, err := l.NewParser(t.Context(), load(t, l, c.grammar))
			if err != nil {
				t.Fatal(err)
			}
			whole, compared := 0, 0
			rapid.Check(t, func(r *rapid.T) {
				ctx := t.Context()
				tree, err := p.Parse(ctx, c.source)
				if err != nil {
					r.Fatal(err)
				}
				defer func() { _ = tree.Close(ctx) }()
				for range rapid.IntRange(1, 4).Draw(r, "edits") {
					root, err := tree.Root(ctx)
					if err != nil {
						r.Fatal(err)
					}
					edit := drawEdit(r, root, c.tokens)
					edited, err := tree.Edit(ctx, edit)
					if err != nil {
						r.Fatal(err)
					}
					next, err := p.Parse(ctx, edited.Source(), treesitter.After(edited))
					if err != nil {
						r.Fatal(err)
					}
					fresh, err := p.Parse(ctx, edited.Source())
					if err != nil {
						r.Fatal(err)
					}
					a, errA := next.Root(ctx)
					b, errB := fresh.Root(ctx)
					if errA != nil || errB != nil {
						r.Fatal(errA, errB)
					}
					whole++
					if !b.HasError() && !root.HasError() {
						compared++
						if got, want := describe(a), describe(b); got != want {
							r.Fatalf("after %+v\n%s: the tree is\n%swant\n%s", edit,
								edited.Source(), got, want)
						}
					}
					checkChanged(r, t, edited, next, edit)
					for _, old := range []*treesitter.Tree{tree, edited, fresh} {
						if err := old.Close(ctx); err != nil {
							r.Fatal(err)
						}
					}
					tree = next
				}
			})
			if t.Log(compared, "of", whole, "edits compared"); compared < whole/10 {
				t.Errorf("only %d of %d edits leave a text without errors", compared, whole)
			}
		})
	}
}

// drawEdit replaces a node, or some bytes, by something.
func drawEdit(r *rapid.T, root treesitter.Node, tokens []string) treesitter.InputEdit {
	source := root.Tree().Source()
	text := rapid.SampledFrom(tokens).Draw(r, "text")
	nodes := slices.Collect(root.Descendants())
	n := rapid.SampledFrom(nodes[min(1, len(nodes)-1):]).Draw(r, "node")
	switch rapid.IntRange(0, 3).Draw(r, "kind") {
	case 0: // before a node
		return treesitter.InputEdit{Start: n.Start(), OldEnd: n.Start(), Text: text}
	case 1: // between characters
		at := []int{len(source)}
		for i := range source {
			at = append(at, i)
		}
		slices.Sort(at)
		i := rapid.IntRange(0, len(at)-1).Draw(r, "from")
		j := min(i+rapid.IntRange(0, 9).Draw(r, "characters"), len(at)-1)
		return treesitter.InputEdit{Start: at[i], OldEnd: at[j], Text: text}
	}
	return treesitter.InputEdit{Start: n.Start(), OldEnd: n.End(), Text: text}
}

// checkChanged compares nodes outside of all changed ranges: the edited tree has them, too.
func checkChanged(r *rapid.T, t *testing.T, edited, next *treesitter.Tree,
	edit treesitter.InputEdit) {
	ranges, err := edited.ChangedRanges(t.Context(), next)
	if err != nil {
		r.Fatal(err)
	}
	before, errA := edited.Root(t.Context())
	after, errB := next.Root(t.Context())
	if errA != nil || errB != nil {
		r.Fatal(errA, errB)
	}
	ranges = append(ranges, treesitter.Range{Start: edit.Start, End: edit.Start + len(edit.Text)})
	had := map[string]bool{}
	for n := range before.Descendants() {
		had[n.String()] = true
	}
	for n := range after.Descendants() {
		touched := slices.ContainsFunc(ranges, func(x treesitter.Range) bool {
			return n.Start() <= x.End && x.Start <= n.End()
		})
		// What is missing has no text that could have changed.
		if !touched && n.ChildCount() == 0 && !n.IsMissing() && !had[n.String()] {
			r.Fatalf("%v is new, outside of %v", n, ranges)
		}
	}
}
