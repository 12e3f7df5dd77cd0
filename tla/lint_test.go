package tla

import (
	"strings"
	"testing"
)

// lintCases are expressions, what the linter says about each, and for those that it refuses what
// the embedded checker does with them: the reason for the rule. x is a variable that is 0, T is
// true, and F is false.
var lintCases = []struct {
	name, definition string // of I
	rule             string // empty where the linter is content
	truth            bool   // what TLA+ says of I
	misread          bool   // the embedded checker says the contrary
}{
	{"or before implies", `I == T \/ T => F`, RuleImplication, false, true},
	{"or before implies in a list", "I ==\n  /\\ T\n  /\\ T \\/ T => F", RuleImplication, false,
		true},
	{"or before equivalence", `I == T \/ F <=> F`, RuleImplication, false, true},
	{"or behind equivalence", `I == F <=> F \/ T`, RuleImplication, false, true},
	{"and behind implies", `I == F => F /\ F`, RuleImplication, true, true},
	{"parenthesised implication beside implies", `I == T \/ (F => F) => F`, RuleImplication, false,
		true},
	{"and before implies", `I == T /\ T => F`, RuleImplication, false, false},
	{"list before implies", "I ==\n     /\\ T\n     /\\ T\n   => F", RuleImplication, false, false},
	{"product of three", `I == <<1, 2, 3>> \in {1} \X {2} \X {3} /\ T`, RuleProduct, true, true},
	{"naturals above a hundred", `I == x + 200 \in Nat`, RuleNumbers, true, true},

	{"parentheses on both sides", `I == (T \/ T) => (F \/ T)`, "", true, false},
	{"plain implies", `I == x = 0 => T`, "", true, false},
	{"implies in a list", "I ==\n  /\\ T => T\n  /\\ T\n  /\\ F => F", "", true, false},
	{"list behind implies", "I == F =>\n  /\\ F\n  /\\ F", "", true, false},
	{"lists in lists", "I ==\n  /\\ \\/ F\n     \\/ T => T\n  /\\ T => T", "", true, false},
	{"list in parentheses before implies", "I == (/\\ T\n      /\\ F)\n     => F", "", true, false},
	{"quantifier behind implies", `I == T => (\A p \in {1} : (F \/ T))`, "", true, false},
	{"implies in the branches", `I == IF T THEN F => F ELSE T \/ F`, "", true, false},
	{"implies behind let", `I == LET z == x > 9 IN z => F`, "", true, false},
	{"products in pairs", `I == <<1, <<2, 3>>>> \in {1} \X ({2} \X {3}) /\ T`, "", true, false},
	{"two definitions", "I == T \\/ F\nJ == T => T", "", true, false},
	{"products in different places",
		`I == <<{1} \X {2}, {1} \X {2}>> = <<{1} \X {2}, {1} \X {2}>> /\ T`, "", true, false},
}

// lintModule wraps a definition of I in a module that both checkers read.
func lintModule(definition string) string {
	return module("M", "EXTENDS Naturals\nVARIABLES x\nvars == <<x>>\nT == x >= 0\nF == x < 0\n"+
		"Init == x = 0\nNext == x' = x\nSpec == Init /\\ [][Next]_vars\n"+definition)
}

func TestLint(t *testing.T) {
	for _, c := range lintCases {
		t.Run(c.name, func(t *testing.T) {
			checkFindings(t, c.rule, map[string]string{"M.tla": lintModule(c.definition)})
		})
	}
	for _, c := range []struct{ name, rule, text string }{
		{"instance", RuleInstance, "B == INSTANCE Naturals"},
		{"enabled", RuleEnabled, "I == ENABLED Next"},
		{"function definition", RuleFunction, `f[n \in 1..3] == n`},
		{"a second declaration", RuleVariables, "VARIABLE y"},
		{"sequences of any length", RuleNumbers, "I == <<>> \\in Seq({1})"},
		{"a comment", "", "\\* A \\/ B => C, Nat, ENABLED\n(* A \\X B \\X C *)"},
		{"a string", "", `I == "Nat" = "ENABLED"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			checkFindings(t, c.rule, map[string]string{"M.tla": lintModule(c.text)})
		})
	}
	t.Run("variables in two modules", func(t *testing.T) {
		checkFindings(t, RuleVariables, map[string]string{
			"M.tla": module("M", "EXTENDS N\nVARIABLE y"), "N.tla": module("N", "VARIABLE x"),
		})
	})
}

// checkFindings expects one finding of the rule, or none where it is empty.
func checkFindings(t *testing.T, rule string, files map[string]string) {
	t.Helper()
	s, err := LoadSpecification(folder(files), "M")
	if err != nil {
		t.Fatal(err)
	}
	findings := Lint(s)
	if rule == "" {
		if len(findings) > 0 {
			t.Errorf("findings %v, want none", findings)
		}
		return
	}
	if len(findings) != 1 || findings[0].Rule != rule {
		t.Fatalf("findings %v, want one of rule %s", findings, rule)
	}
	if text := findings[0].String(); !strings.HasPrefix(text, "M.tla:") ||
		!strings.HasSuffix(text, "("+rule+")") {
		t.Errorf("finding prints as %q", text)
	}
}

// TestLintReasons runs the embedded checker on what the linter judges: what it accepts must be read
// as TLA+ has it, and each rule must have a case that is read otherwise, or the rule has no reason
// any more.
func TestLintReasons(t *testing.T) {
	checker := newTestChecker(t)
	for _, c := range lintCases {
		t.Run(c.name, func(t *testing.T) {
			r, err := checker.Check(t.Context(), EmbeddedJob{
				Specification: lintModule(c.definition),
				Config:        "SPECIFICATION Spec\nINVARIANT I\n",
				Invariants:    []string{"I"},
			})
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != VerdictOK && r.Verdict != VerdictSafety {
				t.Fatalf("%v: %s", r.Verdict, r.Detail)
			}
			if misread := (r.Verdict == VerdictOK) != c.truth; misread != c.misread {
				t.Errorf("verdict %v, truth %t: misread %t, want %t", r.Verdict, c.truth, misread,
					c.misread)
			}
		})
	}
}
