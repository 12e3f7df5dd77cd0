package tlc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/result"
	"github.com/lockstep-wasm/lockstep/tla"
)

// envFake turns this test's binary into a TLC that prints, for the configuration x.cfg, the
// captured output x.out from the folder it names. So the command is tested without Java.
const envFake = "LOCKSTEP_FAKE_TLC"

// fakeExits are the exit statuses that belong to the captured outputs.
var fakeExits = map[string]int{"ok": 0, "deadlock": 11, "invariant": 12, "parse-error": 150}

func TestMain(m *testing.M) {
	if outputs := os.Getenv(envFake); outputs != "" {
		config := os.Args[slices.Index(os.Args, "-config")+1]
		name := strings.TrimSuffix(config, ".cfg")
		output, err := os.ReadFile(filepath.Join(outputs, name+".out"))
		if err != nil {
			fmt.Println(err)
			os.Exit(99)
		}
		os.Stdout.Write(output)
		os.Exit(fakeExits[name])
	}
	os.Exit(m.Run())
}

// bench is a suite in temporary folders, and a TLC on PATH that knows its models.
type bench struct {
	specs, out string
	models     []tla.Model
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{specs: t.TempDir(), out: filepath.Join(t.TempDir(), "out")}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := filepath.Abs("../testdata/output")
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir()
	if err := os.Symlink(self, filepath.Join(path, "tlc")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", path)
	t.Setenv(tla.EnvJar, "")
	t.Setenv(envFake, outputs)
	b.write(t, "M.tla", "---- MODULE M ----\n====\n")
	b.write(t, "ok.cfg", "SPECIFICATION Spec\n")
	b.write(t, "deadlock.cfg", "SPECIFICATION Spec\n")
	b.write(t, "invariant.cfg",
		"SPECIFICATION Spec\nINVARIANTS TypeOK MutualExclusion\nCHECK_DEADLOCK FALSE\n")
	b.models = []tla.Model{
		{Name: "fine", Module: "M", Config: "ok.cfg", Kind: tla.KindModel, Deadlock: true,
			Distinct: 45, Depth: 13, Shows: "It holds."},
		{Name: "stuck", Module: "M", Config: "deadlock.cfg", Kind: tla.KindProbe, Exit: 11,
			Property: "Deadlock", Deadlock: true, Shows: "It ends."},
		{Name: "caught", Module: "M", Config: "invariant.cfg", Kind: tla.KindNegative, Exit: 12,
			Property: "MutualExclusion", Shows: "It is caught."},
	}
	b.save(t)
	return b
}

func (b *bench) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.specs, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// save writes the manifest.
func (b *bench) save(t *testing.T) {
	t.Helper()
	data, err := json.Marshal(map[string]any{"models": b.models})
	if err != nil {
		t.Fatal(err)
	}
	b.write(t, tla.ManifestFile, string(data))
}

// run executes the command and returns what it printed, both streams together.
func (b *bench) run(args ...string) (string, error) {
	var printed bytes.Buffer
	command := Command()
	command.SetOut(&printed)
	command.SetErr(&printed)
	command.SetArgs(append(args, "--dir", b.specs, "--out", b.out))
	err := command.ExecuteContext(context.Background())
	return printed.String(), err
}

func mustContain(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

func TestRunRecordsAndCompares(t *testing.T) {
	b := newBench(t)
	printed, err := b.run()
	if !errors.Is(err, errChecks) {
		t.Errorf("without a record: %v, want %v", err, errChecks)
	}
	mustContain(t, printed, "no result on record", "fine: 45 states, depth 13")

	if printed, err = b.run("run", "--record"); err != nil {
		t.Fatalf("recording: %v\n%s", err, printed)
	}
	first, err := os.ReadFile(filepath.Join(b.specs, tla.ResultsFile))
	if err != nil {
		t.Fatal(err)
	}
	if printed, err = b.run(); err != nil {
		t.Errorf("against the record: %v\n%s", err, printed)
	}
	mustContain(t, printed, "MutualExclusion", "deadlock", "yes")
	if printed, err = b.run("list"); err != nil || strings.Count(printed, "fresh") != 3 {
		t.Errorf("list: %v\n%s", err, printed)
	}

	// One model recorded again leaves the others, and the file, as they were.
	if printed, err = b.run("run", "--record", "stuck"); err != nil {
		t.Fatalf("recording one: %v\n%s", err, printed)
	}
	second, err := os.ReadFile(filepath.Join(b.specs, tla.ResultsFile))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("the record changed: %v\n%s", err, second)
	}
	if _, err := os.Stat(b.out); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("counterexamples of expected violations were saved: %v", err)
	}
}

func TestRunStale(t *testing.T) {
	b := newBench(t)
	if printed, err := b.run("run", "--record"); err != nil {
		t.Fatalf("recording: %v\n%s", err, printed)
	}
	b.write(t, "ok.cfg", "SPECIFICATION Spec \\* changed\n")
	printed, err := b.run("run", "fine")
	if !errors.Is(err, errChecks) {
		t.Errorf("error %v, want %v", err, errChecks)
	}
	mustContain(t, printed, "the inputs changed")
	printed, err = b.run("list")
	if err != nil {
		t.Error(err)
	}
	mustContain(t, printed, "stale")
}

func TestRunShowsCounterexample(t *testing.T) {
	b := newBench(t)
	b.models[2].Property = "TypeOK"
	b.save(t)
	printed, err := b.run("run", "caught")
	if !errors.Is(err, errChecks) {
		t.Errorf("error %v, want %v", err, errChecks)
	}
	mustContain(t, printed, `violated property "MutualExclusion", expected "TypeOK"`, `Enter("b")`,
		"MutualExclusion is violated after 4 steps", "saved as")

	file := filepath.Join(b.out, "caught.trace.json")
	printed, err = b.run("trace", file)
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, printed, "caught: MutualExclusion is violated after 4 steps", `Request("a")`,
		`[a |-> "waiting", b |-> "idle"]`)
	if strings.Contains(printed, "rounds") {
		t.Errorf("a variable that does not change is shown:\n%s", printed)
	}
	if _, err := b.run("trace", filepath.Join(b.specs, tla.ManifestFile)); !errors.Is(err,
		tla.ErrTrace) {
		t.Errorf("no counterexample: %v, want %v", err, tla.ErrTrace)
	}
	if _, err := b.run("trace", "nothing.json"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v, want %v", err, os.ErrNotExist)
	}
}

func TestRunWithoutVerdict(t *testing.T) {
	b := newBench(t)
	b.write(t, "parse-error.cfg", "SPECIFICATION Spec\n")
	b.models[0].Config = "parse-error.cfg"
	b.models = append(b.models,
		tla.Model{Name: "other", Module: "M", Config: "ok.cfg", Kind: tla.KindModel, Deadlock: true,
			Distinct: 45, Depth: 13, Shows: "It holds."})
	b.save(t)
	printed, err := b.run("run", "--record", "fine", "other")
	if !errors.Is(err, errChecks) {
		t.Errorf("error %v, want %v", err, errChecks)
	}
	mustContain(t, printed, "Could not parse module", "fine: failed")
	record, err := tla.LoadResults(os.DirFS(b.specs))
	if err != nil || len(record.Results) != 1 || record.Results[0].Model != "other" {
		t.Errorf("record %+v, %v, want the model that came to a verdict", record, err)
	}
}

func TestRunRefuses(t *testing.T) {
	b := newBench(t)
	if _, err := b.run("run", "nobody"); !errors.Is(err, tla.ErrNoModel) {
		t.Errorf("an unknown model: %v, want %v", err, tla.ErrNoModel)
	}
	t.Setenv(tla.EnvJar, filepath.Join(b.specs, "no.jar"))
	if _, err := b.run(); !errors.Is(err, tla.ErrNoTLC) {
		t.Errorf("a jar that is not there: %v, want %v", err, tla.ErrNoTLC)
	}
	b.write(t, tla.ManifestFile, "{")
	for _, args := range [][]string{{"run"}, {"list"}, {"graph", "fine", "-o", "x"}, {"embedded"},
		{"server", "fine"}} {
		if _, err := b.run(args...); !errors.Is(err, tla.ErrManifest) {
			t.Errorf("%v: %v, want %v", args, err, tla.ErrManifest)
		}
	}
}

func TestGraph(t *testing.T) {
	b := newBench(t)
	file := filepath.Join(t.TempDir(), "graph.dot")
	printed, err := b.run("graph", "fine", "-o", file)
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, printed, "45 states")
	if _, err := b.run("graph", "caught", "-o", file); err == nil ||
		!strings.Contains(err.Error(), "not complete") {
		t.Errorf("the graph of a refuted model: %v", err)
	}
	if _, err := b.run("graph", "fine"); err == nil {
		t.Error("no error without a file")
	}
}

func TestEmbedded(t *testing.T) {
	b := &bench{specs: "../testdata/specs"}
	printed, err := b.run("embedded", "free", "ok")
	if err != nil {
		t.Fatalf("%v\n%s", err, printed)
	}
	mustContain(t, printed, "free: safety", "MutualExclusion", "ok: ok, 275 states")
	printed, err = b.run("embedded", "live")
	if !errors.Is(err, errChecks) {
		t.Errorf("liveness: %v, want %v", err, errChecks)
	}
	mustContain(t, printed, tla.ErrUnsupported.Error())
}

func TestServer(t *testing.T) {
	b := newBench(t)
	if _, err := b.run("server", "fine", "--dry-run"); !errors.Is(err, tla.ErrNoTLC) {
		t.Errorf("without a jar: %v, want %v", err, tla.ErrNoTLC)
	}
	b.write(t, "my.jar", "")
	t.Setenv(tla.EnvJar, filepath.Join(b.specs, "my.jar"))
	if err := os.Symlink("tlc", filepath.Join(os.Getenv("PATH"), "java")); err != nil {
		t.Fatal(err)
	}
	printed, err := b.run("server", "caught", "--dry-run")
	if err != nil {
		t.Fatal(err)
	}
	mustContain(t, printed,
		"my.jar tlc2.tool.distributed.TLCServer -deadlock -config invariant.cfg M.tla")
	b.models[0].Kind = tla.KindLiveness
	b.write(t, "ok.cfg", "SPECIFICATION Spec\nPROPERTY P\n")
	b.save(t)
	if _, err := b.run("server", "fine", "--dry-run"); err == nil ||
		!strings.Contains(err.Error(), "safety only") {
		t.Errorf("liveness: %v", err)
	}
}

// Away from the source tree the models are those that are built in, and nothing can be recorded.
// Where there is no TLC, the error names the file that is missing, its place, and what works
// without.
func TestAwayFromTheSourceTree(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	t.Setenv("PATH", t.TempDir())
	t.Setenv(tla.EnvJar, "")
	t.Chdir(t.TempDir())
	run := func(ctx context.Context, args ...string) (string, error) {
		var printed bytes.Buffer
		command := Command()
		result.Flag(command)
		command.SetOut(&printed)
		command.SetErr(&printed)
		command.SetArgs(args)
		err := command.ExecuteContext(ctx)
		return printed.String(), err
	}
	printed, err := run(t.Context(), "list", "--json")
	var models []listed
	if json.Unmarshal([]byte(printed), &models) != nil || err != nil || len(models) < 60 {
		t.Errorf("%d models, %v", len(models), err)
	}
	for _, m := range models {
		if m.Record != "fresh" {
			t.Errorf("the record of %s is %s", m.Model, m.Record)
		}
	}
	if _, err := run(t.Context(), "run", "--record", "small"); !errors.Is(err, errBuiltIn) ||
		Found(err) {
		t.Errorf("recording: %v", err)
	}
	offline, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = run(offline, "run", "small")
	if !errors.Is(err, tla.ErrDownload) || Found(err) {
		t.Fatalf("without TLC: %v", err)
	}
	jar, err2 := Locator()
	if err2 != nil || !strings.HasPrefix(jar.JarFile(), cache) {
		t.Errorf("the jar is %s, %v", jar.JarFile(), err2)
	}
	mustContain(t, err.Error(), "save "+tla.PinnedRelease().URL+" as "+jar.JarFile(), tla.EnvJar,
		"lockstep verify", "make deps")
}

func TestWriteRecordKeepsDepth(t *testing.T) {
	b := newBench(t)
	suite, err := tla.LoadSuite(os.DirFS(b.specs))
	if err != nil {
		t.Fatal(err)
	}
	old := &tla.Results{Results: []tla.Result{{Model: "fine", Depth: 13, Inputs: "a"}}}
	for inputs, want := range map[string]int{"a": 13, "b": 0} {
		all := []finished{{model: b.models[0], result: tla.Result{Model: "fine", Inputs: inputs}}}
		if err := writeRecord(b.specs, suite, old, all); err != nil {
			t.Fatal(err)
		}
		record, err := tla.LoadResults(suite.FS)
		if err != nil || len(record.Results) != 1 || record.Results[0].Depth != want {
			t.Errorf("inputs %s: record %+v, %v, want depth %d", inputs, record, err, want)
		}
	}
}
