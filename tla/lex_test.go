package tla

import (
	"slices"
	"strings"
	"testing"
)

func tokenTexts(tokens []token) []string {
	var texts []string
	for _, t := range tokens {
		texts = append(texts, t.text)
	}
	return texts
}

func TestLex(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string // tokens, with blanks between
	}{
		{"operators", `A==B/\C\/D=>E<=>F`, `A == B /\ C \/ D => E <=> F`},
		{"longest first", `x|->1..2->3`, `x |-> 1 .. 2 -> 3`},
		{"named operators", `x\in S\cup{1}`, `x \in S \cup { 1 }`},
		{"brackets", `[][Next]_vars <<a, b>>`, `[] [ Next ] _vars << a , b >>`},
		{"lines", "----- MODULE M ----\n=====", "----- MODULE M ---- ====="},
		{"line comment", "a \\* b\nc", "a c"},
		{"line comment at the end", `a \* b`, "a"},
		{"block comment", "a (* b *) c", "a c"},
		{"nested comments", "a (* b (* c *) d *) e", "a e"},
		{"string with comment", `"(* no *)" b`, `"(* no *)" b`},
		{"string with quote", `"a\"b" c`, `"a\"b" c`},
		{"primes", "x' = x", "x ' = x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tokens, blanked, err := lex(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(tokenTexts(tokens), " "); got != c.want {
				t.Errorf("lex(%q) = %s, want %s", c.text, got, c.want)
			}
			if len(blanked) != len(c.text) {
				t.Errorf("without comments it has %d bytes, want %d", len(blanked), len(c.text))
			}
			again, _, err := lex(blanked)
			if err != nil || !slices.Equal(again, tokens) {
				t.Errorf("without comments it reads differently: %v, %v", tokenTexts(again), err)
			}
		})
	}
}

func TestLexPositions(t *testing.T) {
	tokens, _, err := lex("a\n (* ä *) b \"ä\" c")
	if err != nil {
		t.Fatal(err)
	}
	want := [][2]int{{1, 1}, {2, 10}, {2, 12}, {2, 16}}
	for i, tok := range tokens {
		if got := [2]int{tok.line, tok.column}; got != want[i] {
			t.Errorf("%q is at %v, want %v", tok.text, got, want[i])
		}
	}
}

func TestLexErrors(t *testing.T) {
	for text, want := range map[string]string{
		"a\n(* b":      "line 2: a comment does not end",
		"\"a\nb\"":     "line 1: a string does not end on its line",
		"\n\n\"a":      "line 3: a string does not end",
		"(* (* b *) c": "line 1: a comment does not end",
	} {
		if _, _, err := lex(text); err == nil || err.Error() != want {
			t.Errorf("lex(%q): %v, want %s", text, err, want)
		}
	}
}

func FuzzLex(f *testing.F) {
	f.Add(`A == /\ x' = [x EXCEPT !["a"] = 1] \* c`)
	f.Add("(* (* *) *)")
	f.Add("---- MODULE M ----\nEXTENDS A, B\nX == 1\n====")
	f.Fuzz(func(t *testing.T, text string) {
		tokens, _, err := lex(text)
		if err != nil {
			return
		}
		for _, tok := range tokens {
			if tok.text == "" || text[tok.start:tok.end] != tok.text {
				t.Fatalf("token %+v is not in the text", tok)
			}
		}
		if m, err := ParseModule("M.tla", text); err == nil {
			Lint(&Specification{Root: m, Modules: []*Module{m}})
		}
		_, _ = ParseConfig("M.cfg", text) // must not panic
	})
}
