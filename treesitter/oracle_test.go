package treesitter_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf16"

	"github.com/lockstep-wasm/lockstep/stock"
	"github.com/lockstep-wasm/lockstep/treesitter"
)

// oracleCase is what testdata/oracle/oracle.mjs takes.
type oracleCase struct {
	Name    string   `json:"name"`
	Grammar string   `json:"grammar"`
	Source  string   `json:"source"`
	Step    int      `json:"step"`
	Queries []string `json:"queries"`
	Edit    []any    `json:"edit,omitempty"`

	edit treesitter.InputEdit
}

type oracleNode struct {
	Type, GrammarType, Field string
	Symbol                   uint16
	Depth                    int
	Range                    [6]int
	Flags                    [5]bool
	States                   [2]uint16
	Links                    [9]int
	Counts                   [3]int
	ByField                  int
	AllByField               []int
}

type oracleCapture struct {
	Name    string
	Pattern int
	Range   [2]int
	Set     map[string]*string
}

type oracleMatch struct {
	Pattern  int
	Captures []oracleCapture
}

type oracleAnswer struct {
	Captures []oracleCapture
	Matches  []oracleMatch
	Others   [][]string
	Error    treesitter.QueryErrorKind
}

type oracleResult struct {
	Name, Tree   string
	Nodes        []oracleNode
	Smallest     [][]int
	Queries      []oracleAnswer
	Edited, Next string
	Changed      [][2]int
}

// queries are asked in each language that has identifiers.
func queries() []string {
	return []string{
		`((identifier) @a (#match? @a "^[A-Z]+$"))`,
		`((identifier) @a (#not-match? @a "^[a-z]"))`,
		`((identifier) @a (#any-of? @a "a" "n" "x" "printf"))`,
		`((identifier) @a (#not-any-of? @a "a" "n" "x"))`,
		`((identifier) @a (#eq? @a "n") (#set! kind "special") (#set! local))`,
		`((identifier) @a (#not-eq? @a "n") (#is? local) (#is-not? global "yes"))`,
		`(_ (identifier)+ @a (#any-match? @a "^a"))`,
		`(_ (identifier)+ @a (#any-not-match? @a "^a"))`,
		`(_ (identifier)+ @a (#any-eq? @a "b"))`,
		`(_ (identifier)+ @a (#any-not-eq? @a "b"))`,
		`(_ (identifier) @a (identifier) @b (#eq? @a @b))`,
		`(_ (identifier) @a (identifier) @b (#not-eq? @a @b))`,
		`((identifier) @a (#other! @a "x")) (ERROR) @e (MISSING) @m`,
		`(_ . (_) @first (_)? @last .)`,
		`(nope)`, `(identifier`, `(_ nope: (_))`, `((identifier) @a (#eq? @b "x"))`,
		`((identifier) @a (#eq? @a))`, `((identifier) @a (#match? "x" @a))`,
		`((identifier) @a (#any-of? "x"))`, `((identifier) @a (#set! @a))`,
	}
}

// oracleCases are sources in several languages, with errors and characters of one to four bytes.
func oracleCases(t *testing.T) []oracleCase {
	t.Helper()
	edit := func(c oracleCase, start, end int, text string) oracleCase {
		c.edit = treesitter.InputEdit{Start: start, OldEnd: end, Text: text}
		after := c.Source[:start] + text + c.Source[end:]
		place := func(s string, at int) map[string]int {
			p := treesitter.PointAt(s, at)
			return map[string]int{"row": p.Row, "column": unit(s, at) - unit(s, at-p.Column)}
		}
		c.Edit = []any{unit(c.Source, start), unit(c.Source, end), text, place(c.Source, start),
			place(c.Source, end), place(after, start+len(text))}
		return c
	}
	var cases []oracleCase
	for _, x := range []struct {
		name, grammar, highlights string
		queries                   []string
		old, text                 string // an edit
	}{
		{"go", "tree-sitter-go/tree-sitter-go.wasm", "tree-sitter-go", queries(), "0x10", "len(ü)"},
		{"py", "tree-sitter-python/tree-sitter-python.wasm", "tree-sitter-python", queries(),
			"b:", "b):"},
		{"c", "tree-sitter-c/tree-sitter-c.wasm", "tree-sitter-c", queries(), "return s",
			"return s;"},
		{"js", "tree-sitter-javascript/tree-sitter-javascript.wasm", "tree-sitter-javascript",
			queries(), "1 + 2", "`😀`"},
		{"java", "tree-sitter-java/tree-sitter-java.wasm", "tree-sitter-java", queries(), "10",
			"\n\n"},
		{"json", "tree-sitter-json/tree-sitter-json.wasm", "tree-sitter-json",
			[]string{`(pair key: (_) @k value: [(true) (number)]? @v)`}, "2, ,", "2, \"😀\","},
		{"yaml", "@tree-sitter-grammars/tree-sitter-yaml/tree-sitter-yaml.wasm",
			"@tree-sitter-grammars/tree-sitter-yaml",
			[]string{`(block_mapping_pair key: (_) @k)`}, "one", "{one: two}"},
	} {
		file, err := stock.Path(x.grammar)
		if err != nil {
			t.Fatal(err)
		}
		source, err := os.ReadFile("testdata/oracle/source." + x.name + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		highlights, err := stock.Read(x.highlights + "/queries/highlights.scm")
		if err != nil {
			t.Fatal(err)
		}
		c := oracleCase{Name: x.name, Grammar: file, Source: string(source), Step: 7,
			Queries: append([]string{string(highlights)}, x.queries...)}
		at := bytes.Index(source, []byte(x.old))
		cases = append(cases, edit(c, at, at+len(x.old), x.text))
	}
	return append(cases, oracleCase{Name: "empty", Grammar: cases[0].Grammar, Step: 1,
		Queries: []string{`(source_file) @all`}},
		oracleCase{Name: "small", Grammar: cases[5].Grammar, Step: 1,
			Source: "[1, {\"é😀\": null},\n ,]\n", Queries: []string{`(number) @n`}})
}

// unit is the UTF-16 unit at an offset in bytes.
func unit(source string, offset int) int {
	return len(utf16.Encode([]rune(source[:offset])))
}

// askNode has web-tree-sitter in Node do a case, in a process of its own: with several grammars in
// one, its loader takes functions of one grammar for those of another.
func askNode(t *testing.T, c oracleCase) oracleResult {
	t.Helper()
	file, err := stock.Path(stock.WebTreeSitter)
	if err != nil {
		t.Fatal(err)
	}
	in, err := json.Marshal([]oracleCase{c})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "testdata/oracle/oracle.mjs",
		filepath.Dir(file))
	var errs bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, &errs)
	}
	var results []oracleResult
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatal(err)
	}
	return results[0]
}

// web-tree-sitter in Node, from which this package has no code, says the same of every node, finds
// the same nodes, gives the same answers to queries, the grammars' own among them, and parses the
// same after an edit.
func TestAsWebTreeSitter(t *testing.T) {
	cases := oracleCases(t)
	l := newLibrary(t)
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			want := askNode(t, c)
			wasm, err := os.ReadFile(c.Grammar)
			if err != nil {
				t.Fatal(err)
			}
			language, err := l.Load(t.Context(), c.Grammar, wasm)
			if err != nil {
				t.Fatal(err)
			}
			p, err := l.NewParser(t.Context(), language)
			if err != nil {
				t.Fatal(err)
			}
			tree, root := parse(t, p, c.Source)
			if got := sexp(t, root); got != want.Tree {
				t.Errorf("tree\n%s\nwant\n%s", got, want.Tree)
			}
			nodes := slices.Collect(root.Descendants())
			if len(nodes) != len(want.Nodes) {
				t.Fatalf("%d nodes, want %d", len(nodes), len(want.Nodes))
			}
			compareNodes(t, c.Source, nodes, want.Nodes)
			compareSmallest(t, c, root, want.Smallest)
			for j, q := range c.Queries {
				compareQuery(t, c.Source, root, q, want.Queries[j])
			}
			if c.Edit != nil {
				compareEdit(t, p, tree, c.edit, want)
			}
		})
	}
}
