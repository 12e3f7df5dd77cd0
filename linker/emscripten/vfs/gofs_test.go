package vfs_test

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// Go code sees what programs see, as the standard library wants a file system to be.
func TestGoFS(t *testing.T) {
	root, err := os.OpenRoot("testdata")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	f := vfs.New()
	for at, m := range map[string]vfs.Tree{"/lib": vfs.FromFS(os.DirFS("testdata")),
		"/host/dir": vfs.Dir(root)} {
		if err := f.Mount(at, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.WriteFile("/a/b/c.txt", []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Symlink("../lib/sub", "/a/link"); err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(f.GoFS(), "a/b/c.txt", "lib/hello.txt", "lib/sub/deep.txt",
		"host/dir/sub/deep.txt"); err != nil {
		t.Error(err)
	}
}
