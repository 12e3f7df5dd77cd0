package proof

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/tla"
)

// specification makes a module with this text in it.
func specification(t *testing.T, text string) *tla.Specification {
	t.Helper()
	source := "---- MODULE M ----\nEXTENDS Naturals, Sequences, FiniteSets\n" + text + "\n====\n"
	spec, err := tla.LoadSpecification(fstest.MapFS{"M.tla": {Data: []byte(source)}}, "M")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// lisp writes an expression with all its parentheses.
func lisp(e Expr) string {
	list := func(head string, items ...Expr) string {
		parts := []string{head}
		for _, i := range items {
			parts = append(parts, lisp(i))
		}
		return "(" + strings.Join(parts, " ") + ")"
	}
	switch e := e.(type) {
	case *nameExpr:
		if len(e.args) == 0 {
			return e.name
		}
		return list(e.name, e.args...)
	case *numberExpr:
		return e.text
	case *stringExpr:
		return `"` + e.text + `"`
	case *unaryExpr:
		return list(e.op, e.x)
	case *binaryExpr:
		return list(e.op, e.left, e.right)
	case *junctionExpr:
		return list(e.op, e.items...)
	case *quantifierExpr:
		return list(e.op+" "+e.bounds[0].name, children(e)...)
	case *oldExpr:
		return "@"
	}
	return list(strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%T", e), "*proof."), "Expr"),
		children(e)...)
}

func TestParse(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`a /\ b /\ c`, `(/\ a b c)`},
		{`(a /\ b) => c`, `(=> (/\ a b) c)`},
		{`~a = b`, `(~ (= a b))`},
		{`~a /\ b`, `(/\ (~ a) b)`},
		{`a = b \cup {c} \ d`, `(= a (\ (\cup b (set c)) d))`},
		{`x - 1 + y`, `(+ (- x 1) y)`},
		{`i \in 1..Len(q) - 1`, `(\in i (.. 1 (- (Len q) 1)))`},
		{`\A g \in S : a /\ b`, `(\A g S (/\ a b))`},
		{`a \/ \E g \in S : b \/ c`, `(\/ a (\E g S (\/ b c)))`},
		{`CHOOSE j \in 1..n : q[j] = g`, `(CHOOSE j (.. 1 n) (= (index q j) g))`},
		{"\n  /\\ a\n  /\\ \\/ b\n     \\/ c /\\ d\n  /\\ e", `(/\ a (\/ b (/\ c d)) e)`},
		{"\n  /\\ a => b\n  /\\ c", `(/\ (=> a b) c)`},
		{"(/\\ a\n   /\\ b) => c", `(=> (/\ a b) c)`},
		{"IF a THEN b ELSE c = d", `(if a b (= c d))`},
		{"LET i == 1 IN i + 1", `(let 1 (+ i 1))`},
		{"<<>>", `(tuple)`},
		{"<<a, <<b>>>>", `(tuple a (tuple b))`},
		{"{}", `(set)`},
		{`{g \in S : p}`, `(filter S p)`},
		{`{q[i] : i \in S}`, `(image (index q i) S)`},
		{`[g \in S |-> a]`, `(function S a)`},
		{`[S -> {a}]`, `(functions S (set a))`},
		{`[f EXCEPT ![g] = a, ![h] = @ + 1]`, `(except f g a h (+ @ 1))`},
		{`[(IF a THEN f ELSE h) EXCEPT ![g] = a]`, `(except (if a f h) g a)`},
		{`f'[g']`, `(index (prime f) (prime g))`},
		{`[][a]_v`, `([] (step a v))`},
		{`[][a]_<<v, w>>`, `([] (step a (tuple v w)))`},
		{`UNCHANGED <<v, w>>`, `(UNCHANGED (tuple v w))`},
		{`K \X T`, `(\X K T)`},
		{`a ~> b`, `(~> a b)`},
		{`"Park" \notin Off \/ b`, `(\/ (\notin "Park" Off) b)`},
		{`SubSeq(q, 1, i - 1) \o q`, `(\o (SubSeq q 1 (- i 1)) q)`},
	} {
		m, err := Parse(specification(t, "D == "+c.text))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		d, err := m.Definition("D")
		if err != nil {
			t.Fatal(err)
		}
		if got := lisp(d.Body); got != c.want {
			t.Errorf("%s is read as %s, want %s", c.text, got, c.want)
		}
	}
}

func TestParseUnits(t *testing.T) {
	m, err := Parse(specification(t, "CONSTANTS\n    A, \\* a\n    B\nVARIABLE x\nASSUME A = "+
		"B\n\nF(a, b) == a = b\n\nG ==\n    /\\ F(A, B)\n    /\\ x = 1"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Constants, []string{"A", "B"}) ||
		!slices.Equal(m.Variables, []string{"x"}) || len(m.Assumptions) != 1 {
		t.Errorf("constants %q, variables %q, %d assumptions", m.Constants, m.Variables,
			len(m.Assumptions))
	}
	f, err := m.Definition("F")
	if err != nil || !slices.Equal(f.Parameters, []string{"a", "b"}) || f.line != 9 {
		t.Errorf("F: %+v, %v", f, err)
	}
	if _, err := m.Definition("H"); !errors.Is(err, ErrConstruct) {
		t.Errorf("H: %v", err)
	}
}

// What is not understood is an error with its line, never left out.
func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		text string
		line int
		what string
	}{
		{"D == a /\\ b \\/ c", 3, `\/ beside /\`},
		{"D == a = b = c", 3, "= beside ="},
		{"D == a => b => c", 3, "=> beside =>"},
		{"D ==\n  a +", 0, "does not end"},
		{"D ==\n  (a", 0, "does not end"},
		{"D == a b", 3, `"b"`},
		{"D == CASE a -> b", 3, `"CASE"`},
		{"D == a ^ b", 3, `"^"`},
		{"D == [a]", 0, "does not end"},
		{"D == a\nD == b", 4, "second definition"},
		{`D == {x \in S, y \in T : p}`, 3, "several bound names"},
		{"-----", 3, "starts with -----"},
		{"D == INSTANCE Naturals", 0, "INSTANCE"},
		{"D == LET RECURSIVE f IN f", 3, `"RECURSIVE"`},
	} {
		_, err := Parse(specification(t, c.text))
		var failure *TranslationError
		if !errors.As(err, &failure) || !errors.Is(err, ErrConstruct) {
			t.Errorf("%s: %v, want a TranslationError", c.text, err)
			continue
		}
		if failure.Line != c.line || !strings.Contains(err.Error(), c.what) ||
			failure.File != "M.tla" {
			t.Errorf("%s: %v (line %d), want line %d and %q", c.text, err, failure.Line, c.line,
				c.what)
		}
	}
}
