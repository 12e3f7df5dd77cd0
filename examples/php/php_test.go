package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// A script computes, catches exceptions, reads and writes files, and uses extensions of C, which
// the interpreter opens itself. One that fails leaves the interpreter usable.
func TestScripts(t *testing.T) {
	ctx := context.Background()
	var out bytes.Buffer
	php, err := Open(ctx,
		Options{Cache: cached(t), Extensions: []string{"sqlite3", "mbstring"}, Stdout: &out,
			Stderr: &out, Files: vfs.FromFS(fstest.MapFS{
				"data.txt": {Data: []byte("three little words")}})})
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	defer func() {
		if err := php.Close(ctx); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct{ script, want string }{
		{`echo PHP_VERSION, " ", 6*7;`, "8.0.30 42"},
		{`function f($n) { return $n < 2 ? $n : f($n-1) + f($n-2); } echo f(15);`, "610"},
		{`try { throw new RuntimeException("boom"); } catch (Exception $e) { echo get_class($e), $e->getMessage(); }`, "RuntimeExceptionboom"},
		{`echo json_encode(["a" => [1, 2.5, null]]), preg_replace("/b+/", "x", "abbbc"), md5("abc");`,
			`{"a":[1,2.5,null]}axc900150983cd24fb0d6963f7d28e17f72`},
		{`file_put_contents("/tmp/a", "hello"); rename("/tmp/a", "/tmp/b"); echo file_get_contents("/tmp/b"), count(scandir("/tmp"));`, "hello3"},
		{`echo str_word_count(file_get_contents("/data/data.txt")), @file_put_contents("/data/x", "y") === false ? "read-only" : "";`, "3read-only"},
		{`$d = new SQLite3(":memory:"); $d->exec("create table t(a, b); insert into t values (1, 2), (3, 4)");
			echo $d->querySingle("select sum(a * b) from t");`, "14"},
		{`try { $d->exec("nonsense"); echo $d->lastErrorMsg(); } catch (Exception $e) {}`,
			`near "nonsense": syntax error`},
		{`echo mb_strtoupper("größe", "UTF-8"), mb_strlen("größe", "UTF-8");`, "GRÖSSE5"},
		{`no_such_function();`, "Call to undefined function no_such_function()"},
		{`echo "still here";`, "still here"},
	} {
		out.Reset()
		if err := php.Run(ctx, "<?php "+c.script); err != nil &&
			!strings.HasPrefix(c.want, "Call") {
			t.Errorf("%s\n%v", c.script, err)
		}
		if got := out.String(); !strings.Contains(got, c.want) || !strings.Contains(c.want, " ") &&
			strings.TrimSpace(got) != c.want {
			t.Errorf("%s\nprints %q, want %q", c.script, got, c.want)
		}
	}
}

func TestCommand(t *testing.T) {
	var stdout, stderr bytes.Buffer
	ctx := context.Background()
	if err := command(ctx, []string{"-nonsense"}, &stdout, &stderr); err == nil ||
		!strings.Contains(stderr.String(), "usage: php") {
		t.Errorf("%v; %s", err, &stderr)
	}
	if err := command(ctx, []string{"-cache", "", "-extension", "nobodys", "1"}, &stdout,
		&stderr); err == nil || !strings.Contains(err.Error(), `no extension "nobodys"`) {
		t.Errorf("an extension that there is not: %v", err)
	}
	if err := command(ctx, []string{"-dir", "/nowhere/at/all", "1"}, &stdout,
		&stderr); !os.IsNotExist(err) {
		t.Errorf("a directory that there is not: %v", err)
	}
}

// cached is compiled code that a developer keeps from one run of the tests to the next.
func cached(t *testing.T) wazero.CompilationCache {
	dir := os.Getenv("LOCKSTEP_CODE_CACHE")
	if dir == "" {
		return nil
	}
	c, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}
