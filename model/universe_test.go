package model

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestUniverseValidate(t *testing.T) {
	f := func(name string) Function { return Function{Name: name} }
	tests := []struct {
		name, problem string
		lib           Library
	}{
		{"no name", "no name", Library{}},
		{"name of main", "taken twice", Library{Name: "main"}},
		{"exported twice", "exported twice",
			Library{Name: "l", Functions: []Function{f("a")}, Data: []Data{{Name: "a"}}}},
		{"nameless export", "no name", Library{Name: "l", Data: []Data{{}}}},
		{"imported twice", "imported twice",
			Library{Name: "l",
				Imports: []Import{{Name: "i", Kind: KindData}, {Name: "i", Kind: KindData}}}},
		{"import of no kind", "function or data",
			Library{Name: "l", Imports: []Import{{Name: "i"}}}},
		{"alias of nothing", "alias",
			Library{Name: "l", Functions: []Function{{Name: "a", AliasOf: "b"}}}},
		{"alias of an alias", "alias", Library{Name: "l", Data: []Data{{Name: "a", AliasOf: "a"}}}},
		{"parameters", "parameters",
			Library{Name: "l", Functions: []Function{{Name: "a", Params: -1}}}},
		{"calls no import", "imported function",
			Library{Name: "l",
				Functions: []Function{{Name: "a",
					Behaviour: Behaviour{Kind: BehaviourCallImport, Import: "b"}}}}},
		{"asks for no import", "not imported",
			Library{Name: "l",
				Functions: []Function{{Name: "a",
					Behaviour: Behaviour{Kind: BehaviourHasImport, Import: "b"}}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewSequential(Universe{Main: Library{Name: "main"},
				Libraries: []Library{test.lib}})
			var wrong *UniverseError
			if !errors.As(err, &wrong) || !strings.Contains(err.Error(), test.problem) {
				t.Errorf("got %v, want a UniverseError about %q", err, test.problem)
			}
		})
	}
	if _, err := NewSequential(Universe{Main: Library{Name: "main", Bad: true}}); err == nil {
		t.Error("a bad main module was accepted")
	}
}

func TestUniverseJSON(t *testing.T) {
	u := testUniverse()
	text, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	var v Universe
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != string(again) {
		t.Errorf("read back as\n%s\nwant\n%s", again, text)
	}
	for _, text := range []string{`"no-such-op"`, `7`} {
		if err := json.Unmarshal([]byte(text), new(Op)); err == nil {
			t.Errorf("operation %s was read", text)
		}
	}
}

func TestComponents(t *testing.T) {
	m := newModel(t, testUniverse())
	number := func(name string) int {
		n, ok := m.LibraryNumber(name)
		if !ok {
			t.Fatalf("no library %s", name)
		}
		return n
	}
	together := [][2]string{{"a", "b"}, {"main", "b"}, {"x", "y"}, {"needsBad", "bad"},
		{"wantsOther", "b"}}
	for _, pair := range together {
		if m.Component(number(pair[0])) != m.Component(number(pair[1])) {
			t.Errorf("%s and %s are in different components", pair[0], pair[1])
		}
	}
	apart := [][2]string{{"a", "x"}, {"lazy", "main"}, {"wantsData", "bad"}}
	for _, pair := range apart {
		if m.Component(number(pair[0])) == m.Component(number(pair[1])) {
			t.Errorf("%s and %s are in one component", pair[0], pair[1])
		}
	}
}
