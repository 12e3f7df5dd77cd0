package instrument_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/instrument"
)

// A package with every kind of statement does the same when it is instrumented, outside of the
// scheduler and under it, and its lines have their numbers.
func TestEveryStatement(t *testing.T) {
	dir := filepath.Join("testdata", "every")
	for _, plain := range []bool{false, true} {
		out, err := instrument.Write(context.Background(), instrument.Options{Dir: dir,
			Packages: []string{"."},
			Plain:    plain}, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Replaced) != 2 || len(out.Packages) != 1 {
			t.Errorf("%d files of %q were instrumented", len(out.Replaced), out.Packages)
		}
		cmd := exec.Command("go", "test", "-count=1", "-overlay="+out.File,
			"-run=TestOutside|TestInside", ".")
		cmd.Dir = dir
		if text, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("plain %v: %v\n%s", plain, err, text)
		}
	}
}

// The text of small files.
func TestText(t *testing.T) {
	for _, c := range []struct{ name, from, to string }{
		{"what is not concerned stays", "func f(x int) int { return x /* why */ + 1 }",
			"func f(x int) int { return x /* why */ + 1 }"},
		{"channels", "func f(c chan any) { c <- 1; _ = <-c; close(c) }",
			"func f(c chan any) { rt.Send(c)(1); _ = rt.Recv(c); rt.Close(c) }"},
		{"select",
			"func f(c chan int) {\n\tselect {\n\tcase v := <-c:\n\t\t_ = v\n\tcase c <- 1:\n\t}\n}",
			"func f(c chan int) {\n\tswitch rtC0, rtC1 := rt.Receiving(c), rt.Sending(c)(1); " +
				"rt.Select(false, rtC0, rtC1) {\n\tcase 0: v := rtC0.Value; \n\t\t_ = v\n\tcase " +
				"1: \n\t" +
				"default: panic(\"unreachable\") }\n}"},
		{"go", "func g(n int64)\nfunc f(x int64) { go g(x); go g(1); go func() {}() }",
			"func g(n int64)\nfunc f(x int64) { { rt0 := x; rt.Go(func() { g(rt0) }) }; " +
				"{ rt.Go(func() { g(1) }) }; rt.Go(func() {}) }"},
		{"fields", "type s struct{ n int; p *s }\nfunc f(x *s) { x.p.n = x.n; x.n++ }",
			"type s struct{ n int; p *s }\nfunc f(x *s) { " +
				"rt.Store(&rt.Load(&x.p).n)(rt.Load(&x.n)); " +
				"rt.Store(&x.n)(rt.Load(&x.n) + (1)) }"},
		{"locals are nobody else's", "func f() int { x := 1; x++; return x }",
			"func f() int { x := 1; x++; return x }"},
		{"locals that are captured", "func f() { x := 1; func() { x++ }() }",
			"func f() { x := 1; func() { rt.Store(&x)(rt.Load(&x) + (1)) }() }"},
		{"maps", "func f(m map[int]int) { m[1]++; delete(m, m[2]) }",
			"func f(m map[int]int) { rt.MapWrite(m)[1]++; delete(m, rt.MapRead(m)[2]) }"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, filepath.Join(dir, "go.mod"), "module m\n\ngo 1.26\n")
			write(t, filepath.Join(dir, "m.s"), "")
			file := filepath.Join(dir, "m.go")
			write(t, file, "package m\n\n"+c.from+"\n")
			out, err := instrument.Write(context.Background(), instrument.Options{Dir: dir,
				Packages: []string{"."}, Plain: true}, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(out.Replaced[file])
			if err != nil {
				t.Fatal(err)
			}
			_, body, _ := strings.Cut(strings.ReplaceAll(string(text), "lockstep_rt", "rt"), "\n\n")
			body, _, _ = strings.Cut(body, "\n\nfunc init()")
			if body != c.to {
				t.Errorf("it is\n%s\nwant\n%s", body, c.to)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A package that does not compile is an error that says where.
func TestBrokenPackage(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module m\n\ngo 1.26\n")
	write(t, filepath.Join(dir, "m.go"), "package m\n\nvar x int = \"text\"\n")
	_, err := instrument.Write(context.Background(), instrument.Options{Dir: dir,
		Packages: []string{"."}}, dir)
	if err == nil || !strings.Contains(err.Error(), "m.go:3") {
		t.Errorf("%v", err)
	}
	_, err = instrument.Write(context.Background(), instrument.Options{Dir: dir,
		Packages: []string{"./none"}}, dir)
	var list *instrument.ListError
	if err == nil && !errors.As(err, &list) {
		t.Errorf("%v", err)
	}
}
