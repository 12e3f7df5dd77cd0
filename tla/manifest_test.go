package tla

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// suiteFiles is a small valid folder.
func suiteFiles() map[string]string {
	return map[string]string{
		"M.tla":          module("M", "VARIABLE x"),
		"M.cfg":          "SPECIFICATION Spec\nINVARIANT I\nPROPERTY P",
		"negative/N.cfg": "SPECIFICATION Spec\nINVARIANT I\nCHECK_DEADLOCK FALSE",
		"testdata/x.cfg": "not looked at",
	}
}

// suiteModels are the entries of that folder.
func suiteModels() []Model {
	return []Model{
		{Name: "m", Module: "M", Config: "M.cfg", Kind: KindModel, Deadlock: true, Distinct: 4,
			Depth: 2, Shows: "It holds."},
		{Name: "n", Module: "M", Config: "negative/N.cfg", Kind: KindNegative, Exit: 12,
			Property: "I", Shows: "It is caught."},
	}
}

// loadSuite writes the manifest into the folder and loads it.
func loadSuite(t *testing.T, files map[string]string, models []Model) (*Suite, error) {
	t.Helper()
	data, err := json.Marshal(map[string]any{"models": models})
	if err != nil {
		t.Fatal(err)
	}
	files[ManifestFile] = string(data)
	return LoadSuite(folder(files))
}

func TestLoadSuite(t *testing.T) {
	s, err := loadSuite(t, suiteFiles(), suiteModels())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := s.Model("n"); err != nil || m.Property != "I" || m.Complete() {
		t.Errorf("model n: %+v, %v", m, err)
	}
	if _, err := s.Model("other"); !errors.Is(err, ErrNoModel) {
		t.Errorf("model other: %v, want %v", err, ErrNoModel)
	}
	if all, err := s.Select(); err != nil || len(all) != 2 {
		t.Errorf("Select() = %v, %v", all, err)
	}
	if one, err := s.Select("n"); err != nil || len(one) != 1 || one[0].Name != "n" {
		t.Errorf("Select(n) = %v, %v", one, err)
	}
	if _, err := s.Select("n", "other"); !errors.Is(err, ErrNoModel) {
		t.Errorf("Select(n, other): %v, want %v", err, ErrNoModel)
	}
}

func TestLoadSuiteRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(files map[string]string, m, n *Model)
		want   string
	}{
		{"a configuration that is not listed",
			func(f map[string]string, _, _ *Model) { f["negative/Other.cfg"] = "" },
			"negative/Other.cfg is not listed"},
		{"a configuration that is not there",
			func(f map[string]string, _, _ *Model) { delete(f, "negative/N.cfg") },
			"negative/N.cfg"},
		{"a module that is not there",
			func(_ map[string]string, m, _ *Model) { m.Module = "Other" }, "Other.tla"},
		{"a configuration that does not parse",
			func(f map[string]string, _, _ *Model) { f["M.cfg"] = "SPEC" },
			"M.cfg:1: syntax error"},
		{"a name twice", func(_ map[string]string, _, n *Model) { n.Name = "m" },
			`model "m": it is listed twice`},
		{"no name", func(_ map[string]string, m, _ *Model) { m.Name = "" }, "it has no name"},
		{"no sentence", func(_ map[string]string, m, _ *Model) { m.Shows = "" }, "what it shows"},
		{"an exit status that is no verdict",
			func(_ map[string]string, _, n *Model) { n.Exit = 150 }, "exit status 150"},
		{"a violation without property", func(_ map[string]string, _, n *Model) { n.Property = "" },
			"a violation and only a violation has a property"},
		{"a property without violation",
			func(_ map[string]string, m, _ *Model) { m.Property = "I" },
			"a violation and only a violation has a property"},
		{"a deadlock by another name", func(_ map[string]string, _, n *Model) { n.Exit = 11 },
			"belongs to exit status 11"},
		{"a property that is not checked",
			func(_ map[string]string, _, n *Model) { n.Property = "J" },
			"negative/N.cfg does not check J"},
		{"a model without states", func(_ map[string]string, m, _ *Model) { m.Distinct = 0 },
			"distinct and depth"},
		{"a negative with states",
			func(_ map[string]string, _, n *Model) { n.Distinct, n.Depth = 1, 1 },
			"distinct and depth"},
		{"a model that is refuted", func(_ map[string]string, m, _ *Model) { m.Exit = 12 },
			"exit must be 0"},
		{"a negative that holds", func(_ map[string]string, _, n *Model) { n.Exit = 0 },
			"exit must not be 0"},
		{"an unknown kind", func(_ map[string]string, m, _ *Model) { m.Kind = "other" },
			`kind "other" is unknown`},
		{"deadlock", func(_ map[string]string, m, _ *Model) { m.Deadlock = false },
			"disagree on CHECK_DEADLOCK"},
		{"symmetry", func(_ map[string]string, m, _ *Model) { m.Symmetry = true },
			"disagree on SYMMETRY"},
		{"embedded symmetry", func(f map[string]string, m, _ *Model) {
			m.Symmetry, m.Embedded = true, true
			f["M.cfg"] += "\nSYMMETRY S"
		}, "counts differently under symmetry"},
		{"embedded liveness",
			func(_ map[string]string, _, n *Model) {
				n.Embedded, n.Exit, n.Property = true, 13, "I"
			}, "decides safety only"},
		{"liveness without property", func(_ map[string]string, m, _ *Model) {
			m.Config, m.Kind, m.Deadlock = "negative/N.cfg", KindLiveness, false
		}, "no PROPERTIES"},
		{"a simulation without settings",
			func(_ map[string]string, m, _ *Model) {
				m.Kind, m.Distinct, m.Depth = KindSimulation, 0, 0
			}, "simulation settings"},
		{"a simulation of nothing", func(_ map[string]string, m, _ *Model) {
			m.Kind, m.Distinct, m.Depth, m.Simulation = KindSimulation, 0, 0, &Simulation{}
		}, "needs traces and length"},
		{"settings of no simulation",
			func(_ map[string]string, m, _ *Model) {
				m.Simulation = &Simulation{Traces: 1, Length: 1}
			}, "simulation settings"},
		{"a negative number of workers", func(_ map[string]string, m, _ *Model) { m.Workers = -1 },
			"negative number of workers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, models := suiteFiles(), suiteModels()
			c.change(files, &models[0], &models[1])
			if _, err := loadSuite(t, files, models); !errors.Is(err, ErrManifest) ||
				!strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	for name, text := range map[string]string{"garbage": "{",
		"an unknown field": `{"models": [{"nmae": "m"}]}`} {
		t.Run(name, func(t *testing.T) {
			if _, err := LoadSuite(folder(map[string]string{ManifestFile: text})); !errors.Is(err,
				ErrManifest) {
				t.Errorf("error %v, want %v", err, ErrManifest)
			}
		})
	}
	if _, err := LoadSuite(folder(nil)); !errors.Is(err, ErrManifest) {
		t.Errorf("no manifest: %v, want %v", err, ErrManifest)
	}
}

// What is wrong can be asked for: which model it is, or which file.
func TestManifestErrors(t *testing.T) {
	files, models := suiteFiles(), suiteModels()
	files["negative/Other.cfg"] = ""
	models[1].Workers = -1
	_, err := loadSuite(t, files, models)
	for _, want := range []ManifestError{
		{Model: models[1].Name, Problem: "a negative number of workers"},
		{File: "negative/Other.cfg", Problem: "is not listed"},
	} {
		if !strings.Contains(fmt.Sprint(err), want.Error()) {
			t.Errorf("error %v, want %v", err, &want)
		}
	}
	if first := (*ManifestError)(nil); !errors.As(err, &first) || first.Model != models[1].Name ||
		first.File != "" {
		t.Errorf("the first is %+v", first)
	}
}
