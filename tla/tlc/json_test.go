package tlc

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla"
	"github.com/lockstep-wasm/lockstep/tla/proof"
)

// oneValue runs the command with --json, whose output must be one value, and reads it.
func oneValue(t *testing.T, into any, args ...string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := Command()
	result.Flag(command)
	command.SetOut(&stdout)
	command.SetErr(&stderr)
	command.SetArgs(append(args, "--json"))
	if err := command.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, stderr.String())
	}
	decoder := json.NewDecoder(&stdout)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil || decoder.More() {
		t.Fatalf("%q: %v, more: %t", args, err, decoder.More())
	}
}

// The commands that need TLC print one value each; what they tell meanwhile goes elsewhere.
func TestJSON(t *testing.T) {
	b := newBench(t)
	b.write(t, "my.jar", "")
	t.Setenv(tla.EnvJar, filepath.Join(b.specs, "my.jar"))
	if err := os.Symlink("tlc", filepath.Join(os.Getenv("PATH"), "java")); err != nil {
		t.Fatal(err)
	}
	folders := []string{"--dir", b.specs, "--out", b.out}
	with := func(args ...string) []string { return append(args, folders...) }

	var graph struct {
		Model, File string
		States      int
	}
	file := filepath.Join(t.TempDir(), "graph.dot")
	oneValue(t, &graph, with("graph", "fine", "-o", file)...)
	if graph.Model != "fine" || graph.File != file || graph.States != 45 {
		t.Errorf("graph: %+v", graph)
	}
	var server started
	oneValue(t, &server, with("server", "caught", "--dry-run")...)
	if server.Folder != b.specs || !strings.HasSuffix(strings.Join(server.Command, " "),
		"TLCServer -deadlock -config invariant.cfg M.tla") {
		t.Errorf("server: %+v", server)
	}
	oneValue(t, &server, with("server", "fine")...)
	if server.Folder != b.specs {
		t.Errorf("a server that has ended: %+v", server)
	}
	var models []ran
	if _, err := b.run("run", "--record"); err != nil {
		t.Fatal(err)
	}
	oneValue(t, &models, with("run", "fine", "caught")...)
	if len(models) != 2 || models[1].Property != "MutualExclusion" || models[0].Distinct != 45 {
		t.Errorf("run: %+v", models)
	}
}

// So do those that prove, and the one that writes what is generated.
func TestJSONOfProofs(t *testing.T) {
	specs := copyOfSpecs(t)
	var questions []question
	oneValue(t, &questions, "prove", "--dir", specs, "--print", "--invariant", "LockOrder",
		"--action", "Commit,Init")
	if len(questions) != 2 || questions[0].Question != "LockOrder by Init" ||
		!strings.Contains(questions[1].Script, "(check-sat)") {
		t.Errorf("%d questions, the first: %v", len(questions), questions[0].Question)
	}
	oneValue(t, &questions, "prove", "--dir", specs, "--progress", "--print")
	if len(questions) < 10 || questions[0].Question == "" {
		t.Errorf("%d questions about progress", len(questions))
	}
	table := filepath.Join(specs, tla.ActionsFile)
	if err := os.MkdirAll(filepath.Dir(table), 0o755); err != nil {
		t.Fatal(err)
	}
	var written []string
	oneValue(t, &written, "generate", "--dir", specs)
	if len(written) != 2 || written[1] != table {
		t.Errorf("generate: %q", written)
	}
	needZ3(t)
	var all []proved
	oneValue(t, &all, "prove", "--dir", specs, "--invariant", "LockOrder", "--action",
		"Commit,Init")
	if len(all) != 2 || !all[0].Proved || !all[1].Proved || all[1].Action != "Commit" {
		t.Errorf("proofs: %+v", all)
	}
}

// A guard as JSON says whether it was caught, or why it is there.
func TestJSONOfGuards(t *testing.T) {
	all := judged([]guardVerdict{
		{guard: tla.Guard{Action: "Commit", Text: "a"}, model: "small", caught: "Agreement"},
		{guard: tla.Guard{Action: "Spawn", Text: "b"}, changed: true},
		{guard: tla.Guard{Action: "Spawn", Text: "c"}, reason: "it is cheap"},
	})
	want := []judgedGuard{
		{Action: "Commit", Guard: "a", Caught: "Agreement", Model: "small", Changed: true,
			Expected: true},
		{Action: "Spawn", Guard: "b", Changed: true},
		{Action: "Spawn", Guard: "c", Reason: "it is cheap", Expected: true},
	}
	for i := range want {
		if all[i] != want[i] {
			t.Errorf("%+v, want %+v", all[i], want[i])
		}
	}
	refuted := provedOf([]proof.Result{{Obligation: proof.Obligation{Property: "P", Action: "A"},
		Verdict: proof.Refuted, Counterexample: &proof.Counterexample{}}})
	if refuted[0].Proved || refuted[0].Counterexample == "" {
		t.Errorf("a refuted obligation: %+v", refuted)
	}
}
