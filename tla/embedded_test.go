package tla

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/stock"
)

// newTestChecker compiles the embedded checker, or takes it from the cache.
func newTestChecker(t testing.TB) *Checker {
	t.Helper()
	wasm, err := stock.Read(stock.TLAChecker)
	if err != nil {
		t.Fatal(err)
	}
	checker, err := NewChecker(t.Context(), wasm, CheckerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := checker.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return checker
}

// testSuite is the small suite in testdata.
func testSuite(t testing.TB) *Suite {
	t.Helper()
	s, err := LoadSuite(os.DirFS("testdata/specs"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestCheckModel(t *testing.T) {
	checker, suite := newTestChecker(t), testSuite(t)
	for _, m := range suite.Models {
		if !m.Embedded {
			continue
		}
		t.Run(m.Name, func(t *testing.T) {
			t.Parallel() // one checker, several goroutines
			r, err := checker.CheckModel(t.Context(), suite, m)
			if err != nil {
				t.Fatal(err)
			}
			if m.Exit == 0 {
				if r.Trace != nil {
					t.Error("a counterexample of what holds")
				}
				return
			}
			if r.Trace == nil || r.Trace.Property != m.Property || r.Trace.Model != m.Name {
				t.Fatalf("trace %+v, want one of %s", r.Trace, m.Property)
			}
			last := len(r.Trace.Steps) - 1
			if len(r.Trace.Changed(0)) != 2 || len(r.Trace.Changed(last)) == 0 ||
				r.Trace.Steps[last].Value("pc") == "" {
				t.Errorf("trace ends with %+v", r.Trace.Steps[last])
			}
		})
	}
}

func TestCheckModelDisagrees(t *testing.T) {
	checker, suite := newTestChecker(t), testSuite(t)
	for _, c := range []struct {
		name, model string
		change      func(*Model)
		want        string
	}{
		{"states", "ok", func(m *Model) { m.Distinct++ }, "275 distinct states, expected 276"},
		{"verdict", "ok", func(m *Model) { m.Exit = 12 }, "ok (), expected safety"},
		{"property", "free", func(m *Model) { m.Property = "TypeOK" },
			`violates "MutualExclusion", expected "TypeOK"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := suite.Model(c.model)
			if err != nil {
				t.Fatal(err)
			}
			c.change(&m)
			r, err := checker.CheckModel(t.Context(), suite, m)
			if !errors.Is(err, ErrEmbedded) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if r == nil {
				t.Error("no result with the error")
			}
		})
	}
}

func TestCheckReportsWhatIsWrong(t *testing.T) {
	checker := newTestChecker(t)
	const config = "SPECIFICATION Spec\nINVARIANT I\n"
	for _, c := range []struct {
		name    string
		job     EmbeddedJob
		verdict Verdict
		detail  string
	}{
		{"no module", EmbeddedJob{Specification: "nothing", Config: config}, VerdictError,
			"ParseError"},
		{"no such definition",
			EmbeddedJob{Specification: lintModule(""),
				Config: "SPECIFICATION Other\nINVARIANT T\n"}, VerdictError, "ConfigError"},
		{"too many states",
			EmbeddedJob{Specification: strings.Replace(lintModule("I == T"), "x' = x",
				"x < 9 /\\ x' = x + 1", 1), Config: config, MaxStates: 3}, VerdictError,
			"MaxStatesExceeded"},
		{"too deep", EmbeddedJob{Specification: strings.Replace(lintModule("I == T"), "x' = x",
			"x < 9 /\\ x' = x + 1", 1), Config: config, MaxDepth: 3}, VerdictError,
			"MaxDepthExceeded"},
		{"assumption", EmbeddedJob{Specification: lintModule("I == T\nASSUME 1 > 2"),
			Config: config}, VerdictAssumption, "Assume"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := checker.Check(t.Context(), c.job)
			if err != nil {
				t.Fatal(err)
			}
			if r.Verdict != c.verdict || !strings.Contains(r.Detail, c.detail) {
				t.Errorf("%v: %s, want %v: %s", r.Verdict, r.Detail, c.verdict, c.detail)
			}
		})
	}
	t.Run("an invariant that is not in the job", func(t *testing.T) {
		_, err := checker.Check(t.Context(),
			EmbeddedJob{Specification: lintModule("I == F"), Config: config})
		if !errors.Is(err, ErrChecker) {
			t.Errorf("error %v, want %v", err, ErrChecker)
		}
	})
}

func TestCheckerErrors(t *testing.T) {
	ctx := t.Context()
	if _, err := NewChecker(ctx, []byte("no module"),
		CheckerConfig{CacheDir: t.TempDir()}); !errors.Is(err, ErrChecker) {
		t.Errorf("garbage: %v, want %v", err, ErrChecker)
	}
	empty := []byte("\x00asm\x01\x00\x00\x00")
	if _, err := NewChecker(ctx, empty, CheckerConfig{CacheDir: t.TempDir()}); !errors.Is(err,
		ErrChecker) {
		t.Errorf("another module: %v, want %v", err, ErrChecker)
	}
	for _, text := range []string{"", "{",
		`{"error_type":"InvariantViolation","error_message":"Invariant x violated"}`} {
		if _, err := parseEmbedded(text, []string{"I"}); !errors.Is(err, ErrChecker) {
			t.Errorf("answer %q: %v, want %v", text, err, ErrChecker)
		}
	}
}

func TestInterruptible(t *testing.T) {
	wasm, err := stock.Read(stock.TLAChecker)
	if err != nil {
		t.Fatal(err)
	}
	checker, err := NewChecker(t.Context(), wasm, CheckerConfig{Interruptible: true})
	if err != nil {
		t.Fatal(err)
	}
	defer checker.Close(context.Background())
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("enough")
	cancel(reason)
	if _, err := checker.Check(ctx,
		EmbeddedJob{Specification: lintModule("I == T"),
			Config: "SPECIFICATION Spec\nINVARIANT I\n"}); !errors.Is(err, reason) {
		t.Errorf("error %v, want %v", err, reason)
	}
}

func TestPrepareRefuses(t *testing.T) {
	for _, c := range []struct {
		name, body, config string
		want               error
		text               string
	}{
		{"a finding", "I == T \\/ T => F", "SPECIFICATION Spec\nINVARIANT I", ErrUnsupported,
			"M.tla:10: "},
		{"no invariant", "I == T", "SPECIFICATION Spec", ErrUnsupported, "no INVARIANT"},
		{"constraint", "I == T", "SPECIFICATION Spec\nINVARIANT I\nCONSTRAINT I", ErrUnsupported,
			"CONSTRAINT"},
		{"action constraint", "I == T", "SPECIFICATION Spec\nINVARIANT I\nACTION_CONSTRAINT I",
			ErrUnsupported, "ACTION_CONSTRAINT"},
		{"symmetry", "I == T", "SPECIFICATION Spec\nINVARIANT I\nSYMMETRY S", ErrUnsupported,
			"SYMMETRY"},
		{"view", "I == T", "SPECIFICATION Spec\nINVARIANT I\nVIEW x", ErrUnsupported, "VIEW"},
		{"alias", "I == T", "SPECIFICATION Spec\nINVARIANT I\nALIAS A", ErrUnsupported, "ALIAS"},
		{"postcondition", "I == T", "SPECIFICATION Spec\nINVARIANT I\nPOSTCONDITION I",
			ErrUnsupported, "POSTCONDITION"},
		{"replacement", "I == T", "SPECIFICATION Spec\nINVARIANT I\nCONSTANT C <- D",
			ErrUnsupported, "C <- D"},
		{"no configuration", "I == T", "", fs.ErrNotExist, "M.cfg"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"M.tla": lintModule(c.body), "M.cfg": c.config}
			if c.config == "" {
				delete(files, "M.cfg")
			}
			_, err := Prepare(folder(files), "M", "M.cfg")
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.text)
			}
		})
	}
}

func BenchmarkChecker(b *testing.B) {
	b.Run("check", func(b *testing.B) {
		checker, suite := newTestChecker(b), testSuite(b)
		m, err := suite.Model("ok")
		if err != nil {
			b.Fatal(err)
		}
		states := 0
		for b.Loop() {
			r, err := checker.CheckModel(b.Context(), suite, m)
			if err != nil {
				b.Fatal(err)
			}
			states += r.Distinct
		}
		b.ReportMetric(float64(states)/b.Elapsed().Seconds(), "states/s")
	})
}
