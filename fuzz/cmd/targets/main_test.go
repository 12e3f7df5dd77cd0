package main

import (
	"slices"
	"testing"
)

func TestParse(t *testing.T) {
	const out = "FuzzA\nFuzzB\nok  \texample/a\t0.1s\n?   \texample/none\t[no test files]\nok  " +
		"\texample/b\t0.1s\nFuzzC\nok  \texample/c\t0.1s\n"
	want := []target{{"example/a", "FuzzA"}, {"example/a", "FuzzB"}, {"example/c", "FuzzC"}}
	if got := parse([]byte(out)); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestIsFinding(t *testing.T) {
	for out, want := range map[string]bool{
		"--- FAIL: FuzzA (3.00s)\n    context deadline exceeded\nFAIL\n":        false,
		"--- FAIL: FuzzA\n    Failing input written to testdata/fuzz/FuzzA/1\n": true,
		"--- FAIL: FuzzA\n    context deadline exceeded\n    Failing input written to " +
			"testdata/fuzz/FuzzA/1": true,
		"panic: x\ncontext deadline exceeded": true,
		"a package that does not build":       true,
	} {
		if got := isFinding([]byte(out)); got != want {
			t.Errorf("%q: %t", out, got)
		}
	}
}

func TestSummary(t *testing.T) {
	const out = "fuzz: elapsed: 0s, execs: 1\nfuzz: elapsed: 3s, execs: 9 (3/sec)\nPASS\n"
	if got := summary([]byte(out)); got != "fuzz: elapsed: 3s, execs: 9 (3/sec)" {
		t.Error(got)
	}
	if got := summary(nil); got != "nothing ran" {
		t.Error(got)
	}
}
