package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/fuzz/mutation"
)

// The list names each mutant with its line; nothing is run, and no record is written.
func TestList(t *testing.T) {
	t.Chdir("../../..")
	var out strings.Builder
	cmd := newCommand(&out)
	cmd.SetArgs([]string{"--list", "--only", "Set.With:", "linker/protocol"})
	if err := cmd.ExecuteContext(context.Background()); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines < 2 ||
		!strings.Contains(out.String(), "linker/protocol/types.go Set.With: s | 1<<g => ") {
		t.Errorf("%d lines:\n%s", lines, out.String())
	}
}

// A package that does not exist is an error that names it.
func TestNoPackage(t *testing.T) {
	cmd := newCommand(&strings.Builder{})
	cmd.SetArgs([]string{"--list", "no/such/package"})
	if err := cmd.ExecuteContext(context.Background()); err == nil ||
		!strings.Contains(err.Error(), "no/such/package") {
		t.Errorf("%v", err)
	}
}

// A score below the wanted one is an error, and with --only nothing is recorded.
func TestScore(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/tree\n\ngo 1.25\n",
		"f.go":      "package tree\n\nfunc F(n int) bool { return n > 1 }\n",
		"f_test.go": "package tree\n\nimport \"testing\"\n\nfunc TestNothing(t *testing.T) {}\n"} {
		if err := os.WriteFile(root+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	var out strings.Builder
	err := run(context.Background(), mutation.Options{Root: root, Folder: ".", Only: "F",
		Parallel: 1}, &out)
	if !errors.Is(err, errScore) || !strings.Contains(out.String(), "0.0 %") ||
		!strings.Contains(out.String(), "SURVIVED") {
		t.Errorf("%v\n%s", err, out.String())
	}
	if _, err := os.Stat(root + "/spec/mutation.json"); err == nil {
		t.Error("a part of the mutants was recorded")
	}
}
