package tla

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// recordOf makes a record in which every model has the expected result.
func recordOf(t *testing.T, s *Suite) *Results {
	t.Helper()
	r := &Results{}
	for _, m := range s.Models {
		inputs, err := s.InputsHash(m)
		if err != nil {
			t.Fatal(err)
		}
		r.Results = append(r.Results,
			Result{Model: m.Name, TLC: "TLC", Exit: m.Exit, Property: m.Property,
				Distinct: m.Distinct, Generated: 2 * m.Distinct, Depth: m.Depth, Inputs: inputs})
	}
	return r
}

func TestCheckRecord(t *testing.T) {
	s, err := loadSuite(t, suiteFiles(), suiteModels())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckRecord(recordOf(t, s)); err != nil {
		t.Errorf("a fresh record: %v", err)
	}
	for _, c := range []struct {
		name   string
		change func(r *Results)
		want   error
		text   string
	}{
		{"no record", func(r *Results) { r.Results = r.Results[1:] }, ErrNoRecord, "model m: "},
		{"stale", func(r *Results) { r.Results[1].Inputs = "0" }, ErrStale, "model n: "},
		{"another number of states", func(r *Results) { r.Results[0].Distinct++ }, ErrUnexpected,
			"distinct states 5, expected 4"},
		{"another depth", func(r *Results) { r.Results[0].Depth++ }, ErrUnexpected,
			"depth 3, expected 2"},
		{"another verdict", func(r *Results) { r.Results[1].Exit = 11 }, ErrUnexpected,
			"exit status 11 (deadlock), expected 12 (safety)"},
		{"another property", func(r *Results) { r.Results[1].Property = "J" }, ErrUnexpected,
			`violated property "J", expected "I"`},
		{"a model that is gone",
			func(r *Results) { r.Results = append(r.Results, Result{Model: "gone"}) }, ErrNoModel,
			"model gone: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			record := recordOf(t, s)
			c.change(record)
			err := s.CheckRecord(record)
			var recordErr *RecordError
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) ||
				!errors.As(err, &recordErr) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.text)
			}
		})
	}
	record := recordOf(t, s)
	record.Results[0].Depth = 0 // several threads searched
	if err := s.CheckRecord(record); err != nil {
		t.Errorf("a record without depth: %v", err)
	}
}

func TestInputsHash(t *testing.T) {
	hash := func(t *testing.T, change func(files map[string]string, m *Model)) string {
		t.Helper()
		files, models := suiteFiles(), suiteModels()
		files["M.tla"], files["Base.tla"] = module("M", "EXTENDS Base, Naturals"),
			module("Base", "VARIABLE x")
		change(files, &models[0])
		s := &Suite{FS: folder(files), Models: models}
		h, err := s.InputsHash(models[0])
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	base := hash(t, func(map[string]string, *Model) {})
	for name, change := range map[string]func(files map[string]string, m *Model){
		"the module": func(f map[string]string, _ *Model) {
			f["M.tla"] = module("M", "EXTENDS Base, Naturals\nA == 1")
		},
		"a module it uses": func(f map[string]string, _ *Model) {
			f["Base.tla"] = module("Base", "VARIABLE y")
		},
		"a column": func(f map[string]string, _ *Model) {
			f["Base.tla"] = module("Base", "VARIABLE  x")
		},
		"the configuration": func(f map[string]string, _ *Model) { f["M.cfg"] += "\n" },
		"deadlock":          func(_ map[string]string, m *Model) { m.Deadlock = false },
		"simulation": func(_ map[string]string, m *Model) {
			m.Simulation = &Simulation{Traces: 1}
		},
	} {
		if hash(t, change) == base {
			t.Errorf("%s is no part of the hash", name)
		}
	}
	for name, change := range map[string]func(files map[string]string, m *Model){
		"another configuration": func(f map[string]string, _ *Model) {
			f["negative/N.cfg"] += "\n"
		},
		"a comment": func(f map[string]string, _ *Model) {
			f["Base.tla"] = module("Base", "\\* x\n\nVARIABLE x")
		},
		"the sentence":    func(_ map[string]string, m *Model) { m.Shows = "Other." },
		"the expectation": func(_ map[string]string, m *Model) { m.Distinct++ },
		"the embedded checker": func(_ map[string]string, m *Model) {
			m.Embedded, m.Explorer, m.Workers = true, true, 2
		},
	} {
		if hash(t, change) != base {
			t.Errorf("%s is a part of the hash", name)
		}
	}
	s := &Suite{FS: folder(map[string]string{"M.tla": module("M", "")})}
	if _, err := s.InputsHash(Model{Module: "M", Config: "M.cfg"}); err == nil {
		t.Error("no error without a configuration")
	}
}

func TestDifferences(t *testing.T) {
	recorded := Result{Model: "m", TLC: "TLC 1", Exit: 0, Distinct: 4, Generated: 8, Depth: 3,
		Inputs: "a"}
	for _, c := range []struct {
		name   string
		change func(r *Result)
		want   string
	}{
		{"equal", func(*Result) {}, ""},
		{"another TLC", func(r *Result) { r.TLC = "TLC 2" }, ""},
		{"no depth", func(r *Result) { r.Depth = 0 }, ""},
		{"distinct", func(r *Result) { r.Distinct = 5 }, "distinct states 5, recorded 4"},
		{"generated", func(r *Result) { r.Generated = 9 }, "generated states 9, recorded 8"},
		{"depth", func(r *Result) { r.Depth = 2 }, "depth 2, recorded 3"},
		{"verdict and property", func(r *Result) { r.Exit, r.Property = 12, "I" },
			`exit status 12 (safety), recorded 0 (ok); violated property "I", recorded ""`},
		{"inputs", func(r *Result) { r.Inputs = "b" },
			"the inputs changed since the record was made"},
	} {
		got := recorded
		c.change(&got)
		if d := strings.Join(got.Differences(recorded), "; "); d != c.want {
			t.Errorf("%s: %q, want %q", c.name, d, c.want)
		}
	}
}

func TestResults(t *testing.T) {
	s, err := loadSuite(t, suiteFiles(), suiteModels())
	if err != nil {
		t.Fatal(err)
	}
	old := &Results{Results: []Result{{Model: "n", Exit: 1}, {Model: "m", Exit: 2},
		{Model: "gone"}}}
	updated := old.With(s, Result{Model: "n", Exit: 3})
	if want := []Result{{Model: "m", Exit: 2},
		{Model: "n", Exit: 3}}; !slices.Equal(updated.Results, want) {
		t.Errorf("updated record %+v, want %+v", updated.Results, want)
	}
	data, err := updated.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadResults(folder(map[string]string{ResultsFile: string(data)}))
	if err != nil || !slices.Equal(again.Results, updated.Results) {
		t.Errorf("read back %+v, %v", again, err)
	}
	if none, err := LoadResults(folder(nil)); err != nil || len(none.Results) != 0 {
		t.Errorf("no record: %+v, %v", none, err)
	}
	if _, err := LoadResults(folder(map[string]string{ResultsFile: "{"})); !errors.Is(err,
		ErrRecord) {
		t.Errorf("garbage: %v, want %v", err, ErrRecord)
	}
}

func TestVersionName(t *testing.T) {
	for printed, want := range map[string]string{
		"TLC2 Version 2.19 of 08 August 2024 (rev: 5a47802)": "TLC2 Version 2.19 of 08 August " +
			"2024 (rev: 5a47802)",
		"TLC2 Version 2001.01.01.123456 (rev: cc6b616)\n": "TLC2 Version (rev: cc6b616)",
	} {
		if got := VersionName(printed); got != want {
			t.Errorf("VersionName(%q) = %q, want %q", printed, got, want)
		}
	}
}
