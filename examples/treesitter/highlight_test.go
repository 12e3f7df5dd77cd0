package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/stock"
)

var escapes = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// The text in colours is the text; each piece has the colour of what it is.
func TestHighlight(t *testing.T) {
	if testing.Short() {
		t.Skip("it links three grammars")
	}
	for _, c := range []struct{ grammar, source, marked string }{
		{"go", "package p\n\n// é😀\nfunc f(s string) int { return len(s + `x`) + 12 } // end\n",
			"<35:package> p\n\n<90:// é😀>\n<35:func> <34:f>(s <33:string>) <33:int> " +
				"{ <35:return> <34:len>(s + <32:`x`>) + <36:12> } <90:// end>\n"},
		{"python", "def f(x):\n  return \"a\\n\" + g(x, 1.5, None)\n",
			"<35:def> <34:f>(x):\n  <35:return> <32:\"><32:a><32:\\n><32:\"> + " +
				"<34:g>(x, <36:1.5>, <36:None>)\n"},
		{"json", `{"a": [1, true, "b c"]}`,
			`{<32:"><32:a><32:">: [<36:1>, <36:true>, <32:"><32:b c><32:">]}`},
	} {
		file := filepath.Join(t.TempDir(), "source")
		if err := os.WriteFile(file, []byte(c.source), 0o644); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		args := []string{"-grammar", c.grammar, "-highlight", file}
		if err := run(t.Context(), config, args, nil, &out, &errs); err != nil {
			t.Errorf("%s: %v", c.grammar, err)
			continue
		}
		if got := escapes.ReplaceAllString(out.String(), ""); got != c.source {
			t.Errorf("%s: the text is %q, want %q", c.grammar, got, c.source)
		}
		got := strings.ReplaceAll(out.String(), "\x1b[0m", ">")
		got = regexp.MustCompile(`\x1b\[([0-9;]+)m`).ReplaceAllString(got, "<$1:")
		if got != c.marked {
			t.Errorf("%s:\n%s\nwant\n%s", c.grammar, got, c.marked)
		}
	}
}

// What the grammar does not know is marked, and nothing is lost.
func TestHighlightErrors(t *testing.T) {
	tokens := []token{{0, 1, plain}, {1, 2, wrong}}
	if got := highlight("{]", tokens); got != "{\x1b[4;31m]\x1b[0m" {
		t.Errorf("%q", got)
	}
}

// A grammar's own query says what has which colour.
func TestHighlightsOfGrammar(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"-grammar", mustPath(t, stock.TreeSitterPython), "-highlights",
		mustPath(t, "tree-sitter-python/queries/highlights.scm"), "-"}
	const source = "def f(é):\n  return len(LIMIT) + 1 # no\n"
	if err := run(t.Context(), config, args, strings.NewReader(source), &out, &errs); err != nil {
		t.Fatal(err)
	}
	got := strings.ReplaceAll(out.String(), "\x1b[0m", ">")
	got = regexp.MustCompile(`\x1b\[([0-9;]+)m`).ReplaceAllString(got, "<$1:")
	const want = "<35:def> <34:f>(é):\n  <35:return> <34:len>(<36:LIMIT>) + <36:1> <90:# no>\n"
	if got != want {
		t.Errorf("\n%s\nwant\n%s", got, want)
	}
}

// A query's captures are printed, a line each.
func TestQuery(t *testing.T) {
	var out, errs bytes.Buffer
	args := []string{"-grammar", "json", "-query", `(pair key: (string) @key)`, "-"}
	if err := run(t.Context(), config, args, strings.NewReader(`{"é": 1}`), &out,
		&errs); err != nil {
		t.Fatal(err)
	}
	if want := "@key string 1:2-1:6 \"\\\"é\\\"\"\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
