package main

import (
	"strings"
	"testing"
)

func TestSoak(t *testing.T) {
	status, stdout, stderr := command(t, "soak", "--seed", "3", "--shifts", "6")
	if status != 0 {
		t.Fatalf("status %d\n%s\n%s", status, stdout, stderr)
	}
	if strings.Count(stderr, ": ok\n") != 6 ||
		!strings.Contains(stdout, "groups killed and survived") {
		t.Errorf("stdout:\n%s\nstderr:\n%s", stdout, stderr)
	}
	status, stdout, stderr = command(t, "soak", "--seed", "3", "--shifts", "3", "--loop-safepoints")
	if status != 0 || strings.Count(stderr, ": ok\n") != 3 {
		t.Errorf("with loop safepoints: status %d\n%s\n%s", status, stdout, stderr)
	}
	for _, args := range [][]string{{"soak", "--duration", "0s"}, {"soak", "--duration", "x"},
		{"soak", "argument"}} {
		if status, _, _ := command(t, args...); status != 2 {
			t.Errorf("%q: status %d", args, status)
		}
	}
}
