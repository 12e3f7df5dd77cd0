package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/counterexample"
)

// Four groups replace a plug-in, in the terminal and on a page.
func TestDemo(t *testing.T) {
	page := filepath.Join(t.TempDir(), "demo.html")
	status, stdout, stderr := command(t, "demo", "--output", page)
	if status != 0 || stderr != "" {
		t.Fatalf("status %d, %q", status, stderr)
	}
	for _, want := range []string{" operation  ", "        g4  ",
		"leads, epoch 1: everybody arrives", "commits\n", page} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	html, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(html), `data-timeline="timeline-data"`) {
		t.Errorf("the page: %v", err)
	}
}

// Every guard that can be switched off has a demonstration: a violated property, and the steps that
// lead there.
func TestDemoBreaks(t *testing.T) {
	if len(guards()) < 17 {
		t.Fatalf("only %d guards", len(guards()))
	}
	for _, guard := range guards() {
		status, stdout, stderr := command(t, "demo", "--break", guard, "--output", "", "--json")
		var got struct{ Counterexample counterexample.Counterexample }
		if err := json.Unmarshal([]byte(stdout), &got); err != nil || status != 0 || stderr != "" {
			t.Fatalf("%s: status %d, %q, %v", guard, status, stderr, err)
		}
		c := got.Counterexample
		if c.Property == "" || c.Sentence == "" || len(c.Steps) < 3 || c.Off[0] != guard {
			t.Errorf("%s: %+v", guard, c)
		}
	}
	status, _, stderr := command(t, "demo", "--break", "Nonsense", "--output", "")
	if status != 2 || !strings.Contains(stderr,
		`no guard "Nonsense": want one of Cooperate, PublishLease`) {
		t.Errorf("status %d, %q", status, stderr)
	}
}
