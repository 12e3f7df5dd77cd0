package unpack_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/internal/unpack"
)

// Files are written once, what was changed is written again, and other files have another folder.
func TestFolder(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	t.Setenv("HOME", cache)
	files := fstest.MapFS{"a.txt": {Data: []byte("a")}, "sub/b.txt": {Data: []byte("b")}}
	dir, err := unpack.Folder(files, "texts")
	if err != nil || !strings.HasPrefix(dir, filepath.Join(unpack.Home(), "texts-")) {
		t.Fatalf("%s, %v", dir, err)
	}
	b := filepath.Join(dir, "sub", "b.txt")
	before, err := os.Stat(b)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := unpack.Folder(files, "texts")
	if err != nil || again != dir {
		t.Errorf("again: %s, %v; want %s", again, err, dir)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "a.txt")); err != nil || string(text) != "a" {
		t.Errorf("a changed file stays: %q, %v", text, err)
	}
	if after, err := os.Stat(b); err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("a file was written again: %v", err)
	}
	files["a.txt"] = &fstest.MapFile{Data: []byte("c")}
	if other, err := unpack.Folder(files, "texts"); err != nil || other == dir {
		t.Errorf("other files: %s, %v", other, err)
	}
}
