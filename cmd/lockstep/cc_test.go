package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeCompiler is a compiler that prints its arguments, one a line, and fails if one of them is
// "bad.c".
func fakeCompiler(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "fake clang")
	script := "#!/bin/sh\nfor a; do echo \"$a\"; done\nfor a; do [ \"$a\" != bad.c ] || exit 4; " +
		"done\n"
	if err := os.WriteFile(name, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestCompilerFlags(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	compiler := fakeCompiler(t)
	t.Setenv("CLANG", compiler)
	t.Setenv("CLANGXX", compiler)
	for _, c := range []struct {
		args   []string
		status int
		want   []string // flags
		none   []string
	}{
		{[]string{"cc", "-shared", "-o", "a.wasm", "a b.c"}, 0,
			[]string{"--target=wasm32-wasi", "-fvisibility=default", "-fPIC", "-nostdlib",
				"-shared", "-O2", "a b.c"},
			[]string{"-nostartfiles", "-matomics", "-lc"}},
		{[]string{"cc", "-o", "a.wasm", "a.c", "-O1"}, 0,
			[]string{"-nostartfiles", "-Wl,--export-all,--export-table,--growable-table", "-lc",
				"-O1"},
			[]string{"-fPIC", "-O2"}},
		{[]string{"cc", "-small", "a.c"}, 0, []string{"-nostartfiles"}, []string{"-lc", "-small"}},
		{[]string{"c++", "-threads", "-shared", "a.cc"}, 0,
			[]string{"-matomics", "-mbulk-memory", "-Wl,--shared-memory,--max-memory=4294967296",
				"-Wl,--export-if-defined=__tls_size"}, []string{"-threads"}},
		{[]string{"cc", "-c", "a.c"}, 0, []string{"-fPIC", "-c"},
			[]string{"-nostartfiles", "-nostdlib"}},
		{[]string{"cc", "-shared", "a.bc"}, 0, []string{"-Wno-override-module", "-fPIC"}, nil},
		{[]string{"cc", "--target=wasm32-wasip1", "a.c"}, 0, nil, []string{"--target=wasm32-wasi"}},
		{[]string{"cc", "bad.c"}, 4, nil, nil},
	} {
		status, stdout, stderr := command(t, c.args...)
		flags := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
		if status != c.status {
			t.Errorf("%q: status %d, %q", c.args, status, stderr)
		}
		for _, f := range c.want {
			if !slices.Contains(flags, f) {
				t.Errorf("%q: no flag %q in %q", c.args, f, flags)
			}
		}
		for _, f := range c.none {
			if slices.Contains(flags, f) {
				t.Errorf("%q: flag %q in %q", c.args, f, flags)
			}
		}
		line, _, _ := strings.Cut(stderr, "\n")
		if !strings.HasPrefix(line, "'"+compiler+"' --") &&
			!strings.HasPrefix(line, "'"+compiler+"' -W") {
			t.Errorf("%q: the command was not printed: %q", c.args, line)
		}
		for _, f := range flags { // the headers that it is told of are there
			if dir, ok := strings.CutPrefix(f, "-I"); ok {
				if _, err := os.Stat(filepath.Join(dir, "lockstep", "dlfcn.h")); err != nil {
					t.Errorf("%q: %v", c.args, err)
				}
			}
		}
	}
}

// The command that was run, and its status, are one value; what the compiler prints is elsewhere.
func TestCompilerJSON(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	compiler := fakeCompiler(t)
	t.Setenv("CLANG", compiler)
	for file, want := range map[string]int{"good.c": 0, "bad.c": 4} {
		status, stdout, stderr := command(t, "cc", "--json", "-shared", file)
		var done compiled
		if err := json.Unmarshal([]byte(stdout), &done); err != nil || status != want {
			t.Fatalf("%s: status %d, %v in %q", file, status, err, stdout)
		}
		if done.Status != want || done.Command[0] != compiler ||
			slices.Contains(done.Command, "--json") || !slices.Contains(done.Command, file) ||
			!strings.Contains(stderr, file) {
			t.Errorf("%s: %+v, %q", file, done, stderr)
		}
	}
}

func TestCompilerMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("CLANG", "")
	t.Setenv("WASI_SDK_PATH", "")
	status, _, stderr := command(t, "cc", "a.c")
	if status != statusUnable ||
		!strings.Contains(stderr, "apt-get install clang-22 lld-22 wasi-libc") ||
		!strings.Contains(stderr, "wasi-sdk") {
		t.Errorf("status %d, %q", status, stderr)
	}
	if status, _, stderr = command(t, "cc"); status != statusUnable ||
		!strings.Contains(stderr, "no file to compile") {
		t.Errorf("without a file: status %d, %q", status, stderr)
	}
	if status, stdout, _ := command(t, "cc", "--help"); status != 0 ||
		!strings.Contains(stdout, "-shared") {
		t.Errorf("help: status %d, %q", status, stdout)
	}
}
