package proof

import (
	"errors"
	"strings"
	"testing"
)

// steps has an action for each form that Steps evaluates.
const steps = `
CONSTANT Many
VARIABLES x, y
both == <<x, y>>
Choices == {1}
Init == x = 0 /\ y = {}
Chosen == \E n \in Choices : x' = n /\ y' = {x'}
Either == \/ x' = 1 /\ UNCHANGED y
          \/ x' \in {1, 2} /\ y' = y
Branch(n) == IF n > 1 THEN Same /\ x = 0 ELSE LET two == 2 IN x' = two /\ UNCHANGED y
Same == UNCHANGED both
Refused ==
    /\ x = 0
    /\ x' = 1
    /\ x' = 2
    /\ y' = y
Open == x' = 1
Kept == UNCHANGED x /\ x' = x /\ y' = y /\ UNCHANGED both`

// What an action may lead to, each once, and where it is refused.
func TestSteps(t *testing.T) {
	in, err := NewInterpreter(specification(t, steps), State{"Many": Set{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	first, err := in.First("Init")
	if err != nil || in.Text(first) != "0;{[]};" || in.Text(first, "x") != "{[]};" {
		t.Fatalf("%v, %v", first, err)
	}
	for _, c := range []struct {
		action    string
		arguments []any
		want      string
	}{
		{"Chosen", nil, "1;{[1]};"}, {"Either", nil, "1;{[]}; 2;{[]};"},
		{"Branch", []any{1}, "2;{[]};"}, {"Branch", []any{2}, "0;{[]};"}, {"Kept", nil, "0;{[]};"},
		{"Refused", nil, ""},
	} {
		next, refused, err := in.Steps(c.action, first, c.arguments...)
		var texts []string
		for _, s := range next {
			texts = append(texts, in.Text(s))
		}
		if got := strings.Join(texts, " "); err != nil || got != c.want {
			t.Errorf("%s: %q, %v, want %q", c.action, got, err, c.want)
		}
		if wrong := (Place{"M.tla", 17}); c.want == "" && refused != wrong {
			t.Errorf("%s: refused at %v, want %v", c.action, refused, wrong)
		}
	}
	more, _, err := in.With("Choices", Set{1, 2}).Steps("Chosen", first)
	if err != nil || len(more) != 2 {
		t.Errorf("with another constant: %v, %v", more, err)
	}
	var unknown *TranslationError
	if _, _, err := in.Steps("Open", first); !errors.As(err, &unknown) {
		t.Errorf("a variable that is open: %v", err)
	}
	if _, err := in.First("Either"); err == nil {
		t.Error("an action is no initial state")
	}
}
