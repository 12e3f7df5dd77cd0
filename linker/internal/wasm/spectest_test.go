package wasm_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// specTests returns where the engine's copy of the specification's tests is.
func specTests(t *testing.T) string {
	t.Helper()
	const module = "github.com/tetratelabs/wazero"
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Skipf("the engine's source cannot be found: %v", err)
	}
	dir := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the engine's source comes without the specification's tests: %v", err)
	}
	return dir
}

// specModule is a module of the tests and what they say of it.
type specModule struct {
	Type       string `json:"type"`
	Filename   string `json:"filename"`
	ModuleType string `json:"module_type"`
	Text       string `json:"text"`
	Line       int    `json:"line"`
	path       string
}

// later reports whether what a test says of a version is not so any more: since 2.0 there may be
// several results and tables, since 3.0 constant expressions read all globals before them.
func (m *specModule) later() bool {
	tests := []string{"data.9", "data.10", "elem.10", "elem.11", "global.18", "global.19"}
	for i := range tests {
		tests[i] = "v2/testdata/" + tests[i] + ".wasm"
	}
	tests = append(tests, "v1/testdata/unreached-invalid.87.wasm") // br_table in unreachable code
	return slices.Contains([]string{"invalid result arity", "multiple tables"}, m.Text) ||
		slices.ContainsFunc(tests, func(s string) bool { return strings.HasSuffix(m.path, s) })
}

// TestSpecification decodes all modules of the specification's own tests: the valid ones are
// accepted, or use a feature that is refused by its name, and the invalid and malformed ones are
// refused.
//
// Source: WebAssembly Core Specification, test/core, and those of the proposals, as wazero has
// them.
func TestSpecification(t *testing.T) {
	counts := map[string]int{}
	for _, m := range specModules(t, specTests(t)) {
		file, err := os.ReadFile(m.path)
		if err != nil {
			t.Fatal(err)
		}
		_, err = wasm.Decode(file)
		var format *wasm.FormatError
		valid := slices.Contains([]string{"module", "assert_uninstantiable", "assert_unlinkable"},
			m.Type)
		switch {
		case valid && errors.Is(err, wasm.ErrUnsupported):
			counts["unsupported"]++
		case valid && err != nil:
			t.Errorf("%s line %d: a valid module is refused: %v", m.path, m.Line, err)
		case !valid && err == nil && m.later():
			counts["valid by now"]++
		case !valid && err == nil:
			t.Errorf("%s line %d: %s: a module is accepted that is not: %s", m.path, m.Line, m.Type,
				m.Text)
		case err != nil && !errors.As(err, &format):
			t.Errorf("%s: %T", m.path, err)
		default:
			counts[m.Type]++
		}
	}
	t.Log(counts)
	if counts["module"] < 1000 || counts["assert_invalid"] < 1000 ||
		counts["assert_malformed"] < 100 {
		t.Errorf("only %v modules were seen", counts)
	}
}

// specModules lists the binary modules of all tests.
func specModules(t *testing.T, dir string) (list []specModule) {
	t.Helper()
	scripts, err := filepath.Glob(filepath.Join(dir, "*", "testdata", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for _, script := range scripts {
		text, err := os.ReadFile(script)
		if err != nil {
			t.Fatal(err)
		}
		var all struct {
			Commands []specModule `json:"commands"`
		}
		if err := json.Unmarshal(text, &all); err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		for _, c := range all.Commands {
			c.path = filepath.Join(filepath.Dir(script), c.Filename)
			if c.Filename != "" && c.ModuleType != "text" &&
				strings.HasSuffix(c.Filename, ".wasm") {
				list = append(list, c)
			}
		}
	}
	return list
}
