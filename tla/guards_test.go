package tla

import (
	"slices"
	"strings"
	"testing"
)

const guardedModule = `---- MODULE Guarded ----
VARIABLE x, y
Helper(g) == g = 1

Act(g) ==
    /\ x = 1
    /\ \/ x = 2 /\ y = 3
       \/ y = 4
    /\ x' = IF y = 1 THEN 2
            ELSE 3
    /\ \A h \in {1, 2} :
           h # g
    /\ UNCHANGED y

Other ==
    /\ y = 7
    /\ y' = 8
    /\ UNCHANGED x
====
`

func TestGuards(t *testing.T) {
	m, err := ParseModule("Guarded.tla", guardedModule)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		action string
		want   []string
	}{
		{"Act", []string{"x = 1", "x = 2", "y = 3", "y = 4", `\A h \in {1, 2} : h # g`}},
		{"Other", []string{"y = 7"}},
	} {
		guards, err := m.Guards(c.action)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for i, g := range guards {
			texts = append(texts, g.Text)
			if g.Number != i+1 || g.Action != c.action {
				t.Errorf("%v is number %d of %s", g, i+1, c.action)
			}
			without := m.WithoutGuard(g)
			if len(without) != len(m.Source)-(g.end-g.start)+len("TRUE") {
				t.Errorf("%v: more or less than the guard was replaced:\n%s", g, without)
			}
			if _, err := ParseModule("Guarded.tla", without); err != nil {
				t.Errorf("%v: %v", g, err)
			}
		}
		if !slices.Equal(texts, c.want) {
			t.Errorf("%s has the guards %q, want %q", c.action, texts, c.want)
		}
	}
	if _, err := m.Guards("Helper"); err == nil || !strings.Contains(err.Error(), "Helper") {
		t.Errorf("a definition without conjuncts: %v, want an error that names it", err)
	}
}
