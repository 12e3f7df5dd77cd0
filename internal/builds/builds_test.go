package builds_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/builds"
)

// recorder is a test that remembers what it was told.
type recorder struct {
	testing.TB
	told []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.told = append(r.told, fmt.Sprintf(format, args...))
}

func TestChecks(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(in(name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a.c", "source")
	write("a.wasm", "module")
	write("SHA256SUMS", builds.Sum(t, in("a.c"))+"  a.c\n"+builds.SumOf([]byte("module"))+
		"  a.wasm\n")
	sums := builds.Sums(t, in("SHA256SUMS"))
	names := []string{"a.c", "a.wasm"}

	for _, tt := range []struct {
		name  string
		check func(r *recorder)
		want  string // what is told, or empty
	}{
		{"as built", func(r *recorder) { builds.CheckUnchanged(r, sums, in) }, ""},
		{"complete", func(r *recorder) { builds.CheckComplete(r, sums, names) }, ""},
		{"one more", func(r *recorder) { builds.CheckComplete(r, sums, append(names, "b.c")) },
			"b.c is not in SHA256SUMS"},
		{"the same again", func(r *recorder) { builds.CheckSame(r, sums, names, in) }, ""},
		{"changed", func(r *recorder) {
			write("a.c", "another source")
			builds.CheckUnchanged(r, sums, in)
		}, "a.c was changed"},
		{"another module", func(r *recorder) {
			write("a.wasm", "another module")
			builds.CheckSame(r, sums, names[1:], in)
		}, "a.wasm: a rebuild gives"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := recorder{TB: t}
			tt.check(&r)
			if told := strings.Join(r.told, "\n"); (told == "") != (tt.want == "") ||
				!strings.Contains(told, tt.want) {
				t.Errorf("told %q, want %q", told, tt.want)
			}
		})
	}
}
