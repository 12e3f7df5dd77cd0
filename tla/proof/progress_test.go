package proof

import (
	"errors"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/tla"
)

func loadProgress(t *testing.T) *Progress {
	t.Helper()
	p, err := LoadProgress(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProgressRecordIsFresh fails when what is to be proved in time changed without a new record,
// when something of it is not proved, and when a mistake breaks nothing. It needs no z3.
func TestProgressRecordIsFresh(t *testing.T) {
	r, err := LoadProgressRecord(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	p := loadProgress(t)
	if err := p.CheckRecord(r); err != nil {
		t.Errorf("%v\nrun: go run ./tla/cmd/tlc prove --progress --record", err)
	}
	for name, change := range map[string]func(*ProgressRecord){
		"a claim is missing": func(r *ProgressRecord) { r.Claims = r.Claims[1:] },
		"another text":       func(r *ProgressRecord) { r.Claims[0].Scripts = "" },
		"a case is not proved": func(r *ProgressRecord) {
			r.Claims[0].Unproved = []string{"x"}
		},
		"a mistake is missing":     func(r *ProgressRecord) { r.Mistakes = r.Mistakes[1:] },
		"a mistake breaks nothing": func(r *ProgressRecord) { r.Mistakes[0].Property = "" },
	} {
		changed := *r
		changed.Claims, changed.Mistakes = slices.Clone(r.Claims), slices.Clone(r.Mistakes)
		change(&changed)
		var wrong *RecordError
		if err := p.CheckRecord(&changed); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The claims are asked again: those that are one question, and some cases of the others. The
// mistakes of the shortest claim break it.
func TestProgress(t *testing.T) {
	z, p := solver(t), loadProgress(t)
	for _, q := range p.Questions() {
		if q.Case != "" && crc32.ChecksumIEEE([]byte(q.String()))%16 != 0 {
			continue
		}
		verdict, err := p.Prove(t.Context(), z, q)
		if err != nil || verdict != Proved {
			t.Errorf("%v: %v, %v", q, verdict, err)
		}
	}
	mistakes, err := p.Mistakes()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mistakes {
		if len(m.questions) > 1 {
			continue
		}
		if r, err := m.Judge(t.Context(), z); err != nil || r.Survives() {
			t.Errorf("%v, %v", r, err)
		}
	}
}

// The part of the fairness that ends an operation is a part of the whole.
func TestOperationFairnessIsFairness(t *testing.T) {
	m := loadProgress(t).system.module
	whole := m.fairNames(fairness)
	for _, name := range m.fairNames(operationFairness) {
		if !slices.Contains(whole, name) {
			t.Errorf("%s is not fair in LinkerSync", name)
		}
	}
	if len(whole) != 14 {
		t.Errorf("%d obligatory actions: %q", len(whole), whole)
	}
}

// A fairness of another form is refused, and not taken for less.
func TestFairnessIsRead(t *testing.T) {
	for _, body := range []string{`1`, `\A h \in Groups : WF_vars(A(h))`,
		"\\A g \\in Groups :\n        /\\ WF_vars(A(g))\n        /\\ SF_vars(A(g))"} {
		spec, err := tla.LoadSpecification(os.DirFS(".."), "LinkerVars")
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(spec.Root.Source, "\n=====", "\nFair == "+body+"\n=====", 1)
		root, err := tla.ParseModule("LinkerVars.tla", text)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Parse(&tla.Specification{Root: root, Modules: []*tla.Module{root},
			Standard: spec.Standard})
		if err != nil {
			t.Fatal(err)
		}
		func() {
			var err error
			defer func() {
				var wrong *TranslationError
				if !errors.As(err, &wrong) {
					t.Errorf("%q: %v", body, err)
				}
			}()
			defer catch(&err)
			m.fair("Fair")
		}()
	}
}
