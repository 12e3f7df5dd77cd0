package playground_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/browsertest"
	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// In a browser, at two widths: ten actions are taken, a guard is switched off and a property
// breaks, every mistake is gone through to its end, and a recorded trace is loaded.
func TestPage(t *testing.T) {
	if testing.Short() {
		t.Skip("it compiles the page and starts a browser")
	}
	browsertest.Chromium(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "page.html")
	if out, err := exec.CommandContext(t.Context(), "go", "run", "./build", "-o",
		file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	driver, err := os.ReadFile("testdata/drive.js")
	if err != nil {
		t.Fatal(err)
	}
	driven := bytes.Replace(page, []byte("</body>"),
		[]byte(`<script type="text/plain" id="recorded">`+recorded(t)+"</script><script>"+
			string(driver)+"</script></body>"), 1)
	for _, size := range []string{"500,900", "1280,900"} {
		if text := browsertest.Run(t, size,
			map[string][]byte{"/": driven}); text != browsertest.Well {
			t.Errorf("at %s:\n%s", size, text)
		}
	}
	browsertest.Fits(t, "the page", page, "document.body.dataset.ready")
}

// recorded is a trace of a load, as "lockstep trace record" writes it.
func recorded(t *testing.T) string {
	t.Helper()
	config := protocol.Config{
		Groups:   64,
		Initial:  2,
		MaxLog:   4,
		Batch:    100,
		MaxTable: 1000,
		Features: protocol.AllFeatures,
	}
	state, record := protocol.NewState(config), trace.Trace{Config: config}
	commits := uint64(0)
	for i, text := range []string{
		"RequestLease(g1)", "GrantLease(g1)", "RequestState(g1)", "LockState(g1)",
		`Work(g1, <<"LoadModules", 9>>)`,
		"Publish(g1)", "Arrive(g2)", "Broadcast(g1)", "Apply(g2)", "Commit(g1)",
	} {
		step, err := protocol.ParseStep(text)
		if err == nil {
			err = state.Perform(step)
		}
		if err != nil {
			t.Fatal(err)
		}
		if step.Action == protocol.ActCommit {
			commits++
		}
		record.Events = append(
			record.Events,
			trace.Event{Seq: uint64(i + 1), Step: step, Seen: trace.See(step, &state, commits)},
		)
	}
	var b strings.Builder
	if err := trace.Write(&b, &record); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
