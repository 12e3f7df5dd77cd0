package explore

import (
	"errors"
	"testing"
)

func TestScenariosAreWrittenAndRead(t *testing.T) {
	ops := []operation{{name: "Push", args: [][]any{{1, 12}}}, {name: "Pop"},
		{name: "Put", args: [][]any{{"a;/|@"}}}}
	steps := allSteps(ops)
	for _, text := range []string{"/Pop()|Pop()/", "Push(1)/Push(12);Pop()|Push(1)|Pop()/Pop()",
		`Pop();Pop()/Put("a;/|@")|Pop()/Put("a;/|@")`, "/Pop()/"} {
		sc, err := parseScenario(text, steps)
		if err != nil || sc.String() != text {
			t.Errorf("%q became %v, %v", text, sc, err)
		}
	}
	var syntax *SyntaxError
	if _, err := parseScenario("/Pop()|Peek()/", steps); !errors.As(err, &syntax) ||
		syntax.At != "Peek()/" {
		t.Errorf("%v", err)
	}
}

// What is left out, one operation at a time, ends with two goroutines of one operation each.
func TestScenariosBecomeSmaller(t *testing.T) {
	ops := []operation{{name: "Pop"}}
	sc, err := parseScenario("Pop()/Pop();Pop()|Pop()|Pop()/Pop();Pop()", allSteps(ops))
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; len(sc.smaller()) > 0; n++ {
		for _, c := range sc.smaller() {
			if c.size() >= sc.size() || len(c.threads) < 2 {
				t.Fatalf("%v became %v", sc, c)
			}
		}
		sc = sc.smaller()[0]
	}
	if sc.String() != "/Pop()|Pop()/" {
		t.Errorf("the smallest is %v", sc)
	}
}
