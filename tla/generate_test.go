package tla

import (
	"errors"
	"os"
	"testing"
)

// What is made from the specification is made from the present one.
func TestGeneratedIsFresh(t *testing.T) {
	spec, err := LoadSpecification(os.DirFS("."), "LinkerSync")
	if err != nil {
		t.Fatal(err)
	}
	table, err := GoActions(spec)
	if err != nil {
		t.Fatal(err)
	}
	inFolder, err := os.ReadFile(WrappersFile)
	if err != nil {
		t.Fatal(err)
	}
	wrappers, err := WithTraceActions(string(inFolder), spec)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{ActionsFile: table, WrappersFile: wrappers} {
		got, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what is made from Step: go generate ./tla", file)
		}
	}
}

// An action of other arguments than groups and an operation is refused with its line, and so is a
// module without a place for the wrappers.
func TestGenerateRefuses(t *testing.T) {
	spec, err := LoadSpecification(folder(map[string]string{"LinkerSync.tla": `---- MODULE LinkerSync ----
Step ==
    \/ \E x \in 1..2 : Count(x)
====
`}), "LinkerSync")
	if err != nil {
		t.Fatal(err)
	}
	_, errGo := GoActions(spec)
	_, errTrace := TraceActions(spec)
	for _, err := range []error{errGo, errTrace} {
		var wrong *SpecError
		if !errors.As(err, &wrong) || !errors.Is(err, ErrSyntax) || wrong.Line != 3 {
			t.Errorf("%v, want a syntax error of line 3", err)
		}
	}
	whole, err := LoadSpecification(os.DirFS("."), "LinkerSync")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := WithTraceActions("---- MODULE TraceLinkerSync ----\n====\n",
		whole); !errors.Is(err, ErrSyntax) {
		t.Errorf("no place for the wrappers: %v", err)
	}
}
