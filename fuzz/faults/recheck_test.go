package faults

import (
	"errors"
	"path/filepath"
	"testing"
)

// A recheck asks the tests that a fault names, and nothing else; what they miss is in its row, and
// so is the error of a fault that cannot be put to the test.
func TestRecheck(t *testing.T) {
	root := filepath.Join("..", "..")
	all, err := Load(root)
	if err != nil {
		t.Fatal(err)
	}
	caught, ok := Find(all, "protocol: a dead group is still waited for")
	if !ok {
		t.Fatal("no such fault")
	}
	caught.By = []Named{{"TLC", "what is on record"}, {"no such detector", "TestNothing"}}
	unrecorded, unnamed := caught, caught
	unrecorded.TLC, unnamed.By = "small", nil
	var told []string
	rows, err := Recheck(t.Context(), root, []Fault{caught, unrecorded, unnamed}, 2,
		func(s Said) { told = append(told, s.Fault.Name+" "+s.Detector.Name) })
	if err != nil {
		t.Fatal(err)
	}
	if !rows[0].Caught() || len(rows[0].Outcomes) != 1 || rows[0].Err != nil {
		t.Errorf("%+v", rows[0])
	}
	if !errors.As(rows[1].Err, new(*RecordError)) || rows[1].Caught() {
		t.Errorf("without a record: %+v", rows[1])
	}
	if !rows[2].Caught() || rows[2].Err != nil {
		t.Errorf("with a record alone: %+v", rows[2])
	}
	if len(told) != 1 || told[0] != caught.Name+" TLC" {
		t.Errorf("told of %q", told)
	}
}
