package treesitter

import (
	"strings"
	"testing"
)

func TestIndent(t *testing.T) {
	tests := []struct {
		name, tree string
		want       []string
	}{
		{"empty", "", nil},
		{"leaf", "(document)", []string{"(document)"}},
		{"children", "(a (b) (c (d)))", []string{"(a", "  (b)", "  (c", "    (d)))"}},
		{"fields", "(f name: (id) body: (block (x)))",
			[]string{"(f", "  name: (id)", "  body: (block", "    (x)))"}},
		{"missing token", `(a (MISSING ";") (b))`, []string{"(a", `  (MISSING ";")`, "  (b))"}},
		{"missing parenthesis", `(a (MISSING ")") (b))`,
			[]string{"(a", `  (MISSING ")")`, "  (b))"}},
		{"missing quotation mark", `(a (MISSING """) (b))`,
			[]string{"(a", `  (MISSING """)`, "  (b))"}},
		{"missing node", `(a (MISSING identifier) (b))`,
			[]string{"(a", "  (MISSING identifier)", "  (b))"}},
		{"field of a missing node", `(a name: (MISSING identifier))`,
			[]string{"(a", "  name: (MISSING identifier))"}},
		{"unexpected character", `(a (ERROR (UNEXPECTED '(')) (b))`,
			[]string{"(a", "  (ERROR", "    (UNEXPECTED '('))", "  (b))"}},
		{"unexpected quotation mark", `(a (UNEXPECTED ''') (b))`,
			[]string{"(a", "  (UNEXPECTED ''')", "  (b))"}},
		{"cut short", `(a (MISSING "`, []string{"(a", `  (MISSING "`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.Join(tt.want, "\n")
			if want != "" {
				want += "\n"
			}
			if got := Indent(tt.tree); got != want {
				t.Errorf("Indent(%s) =\n%s\nwant\n%s", tt.tree, got, want)
			}
		})
	}
}

// FuzzIndent checks that nothing but white space is ever added or taken away.
func FuzzIndent(f *testing.F) {
	f.Add(`(a name: (b (MISSING ";")) (UNEXPECTED '\0'))`)
	f.Add(`)( "`)
	f.Add(` (a) ) (b`)
	f.Fuzz(func(t *testing.T, tree string) {
		squeeze := func(s string) string {
			return strings.NewReplacer(" ", "", "\n", "").Replace(s)
		}
		if got := Indent(tree); squeeze(got) != squeeze(tree) {
			t.Errorf("Indent(%q) = %q", tree, got)
		}
	})
}
