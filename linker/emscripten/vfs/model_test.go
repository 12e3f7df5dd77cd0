//go:build linux

package vfs_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// system is what is compared: a file system of this package, or the kernel's own. Each method
// returns an error number in this package's numbering, and what a program would see.
type system interface {
	mkdir(name string) vfs.Errno
	remove(name string, dir bool) vfs.Errno
	rename(from, to string) vfs.Errno
	symlink(target, name string) vfs.Errno
	link(from, to string) vfs.Errno
	truncate(name string, size int64) vfs.Errno
	write(name string, flags vfs.OpenFlags, offset int64, data string) vfs.Errno
	read(name string) (string, vfs.Errno)
	stat(name string, follow bool) (string, vfs.Errno)
	list(name string) (string, vfs.Errno)
	readlink(name string) (string, vfs.Errno)
}

// kernel is the model: the same operations by system calls, in a directory of its own.
type kernel struct{ root string }

func (k kernel) path(name string) string {
	if name == "" {
		return ""
	}
	return k.root + "/" + name
}

func number(err error) vfs.Errno { return vfs.Number(err) }

func (k kernel) mkdir(name string) vfs.Errno { return number(syscall.Mkdir(k.path(name), 0o755)) }
func (k kernel) rename(from, to string) vfs.Errno {
	return number(syscall.Rename(k.path(from), k.path(to)))
}
func (k kernel) symlink(target, name string) vfs.Errno {
	return number(syscall.Symlink(target, k.path(name)))
}
func (k kernel) link(from, to string) vfs.Errno {
	return number(syscall.Link(k.path(from), k.path(to)))
}
func (k kernel) truncate(name string, size int64) vfs.Errno {
	return number(syscall.Truncate(k.path(name), size))
}

func (k kernel) remove(name string, dir bool) vfs.Errno {
	if dir {
		return number(syscall.Rmdir(k.path(name)))
	}
	return number(syscall.Unlink(k.path(name)))
}

func (k kernel) write(name string, flags vfs.OpenFlags, offset int64, data string) vfs.Errno {
	how := syscall.O_WRONLY
	for f, h := range map[vfs.OpenFlags]int{vfs.Create: syscall.O_CREAT,
		vfs.Exclusive: syscall.O_EXCL,
		vfs.Truncate:  syscall.O_TRUNC, vfs.Directory: syscall.O_DIRECTORY,
		vfs.NoFollow: syscall.O_NOFOLLOW} {
		if flags&f != 0 {
			how |= h
		}
	}
	fd, err := syscall.Open(k.path(name), how, 0o644)
	if err != nil {
		return number(err)
	}
	defer syscall.Close(fd)
	_, err = syscall.Pwrite(fd, []byte(data), offset)
	return number(err)
}

func (k kernel) read(name string) (string, vfs.Errno) {
	b, err := os.ReadFile(k.path(name))
	return string(b), number(err)
}

func (k kernel) stat(name string, follow bool) (string, vfs.Errno) {
	var s syscall.Stat_t
	call := syscall.Lstat
	if follow {
		call = syscall.Stat
	}
	if err := call(k.path(name), &s); err != nil {
		return "", number(err)
	}
	size := s.Size
	if s.Mode&syscall.S_IFMT == syscall.S_IFDIR {
		size = 0
	}
	kind := map[uint32]string{syscall.S_IFDIR: "directory", syscall.S_IFREG: "file",
		syscall.S_IFLNK: "link"}[s.Mode&syscall.S_IFMT]
	return fmt.Sprintf("%s, %d links, %d bytes", kind, s.Nlink, size), 0
}

func (k kernel) list(name string) (string, vfs.Errno) {
	found, err := os.ReadDir(k.path(name))
	if e := syscall.Errno(0); errors.As(err, &e) {
		return "", number(err)
	}
	var names []string
	for _, e := range found {
		names = append(names, e.Name()+"/"+e.Type().String())
	}
	return strings.Join(names, " "), 0
}

func (k kernel) readlink(name string) (string, vfs.Errno) {
	b := make([]byte, 4096)
	n, err := syscall.Readlink(k.path(name), b)
	return string(b[:max(n, 0)]), number(err)
}

// ours is a file system of this package.
type ours struct{ f *vfs.FS }

func (o ours) mkdir(name string) vfs.Errno { return number(o.f.Mkdir(name, 0o755)) }
func (o ours) remove(name string, dir bool) vfs.Errno {
	return number(o.f.Remove(name, dir))
}
func (o ours) rename(from, to string) vfs.Errno      { return number(o.f.Rename(from, to)) }
func (o ours) symlink(target, name string) vfs.Errno { return number(o.f.Symlink(target, name)) }
func (o ours) link(from, to string) vfs.Errno        { return number(o.f.Link(from, to)) }
func (o ours) truncate(name string, size int64) vfs.Errno {
	return number(o.f.Change(name, true, vfs.Change{Size: &size}))
}

func (o ours) write(name string, flags vfs.OpenFlags, offset int64, data string) vfs.Errno {
	h, err := o.f.Open(name, flags|vfs.Write, 0o644)
	if err != nil {
		return number(err)
	}
	defer h.Close()
	_, err = h.WriteAt([]byte(data), offset)
	return number(err)
}

func (o ours) read(name string) (string, vfs.Errno) {
	b, err := o.f.ReadFile(name)
	return string(b), number(err)
}

func (o ours) stat(name string, follow bool) (string, vfs.Errno) {
	i, err := o.f.Stat(name, follow)
	if err != nil {
		return "", number(err)
	}
	kind, size := map[fs.FileMode]string{fs.ModeDir: "directory", 0: "file",
		fs.ModeSymlink: "link"}[i.Mode.Type()], i.Size
	if i.Mode.IsDir() {
		size = 0
	}
	return fmt.Sprintf("%s, %d links, %d bytes", kind, i.Links, size), 0
}

func (o ours) list(name string) (string, vfs.Errno) {
	found, err := o.f.List(name)
	var names []string
	for _, e := range found {
		names = append(names, e.Name+"/"+e.Type.String())
	}
	return strings.Join(names, " "), number(err)
}

func (o ours) readlink(name string) (string, vfs.Errno) {
	s, err := o.f.Readlink(name)
	return s, number(err)
}

// Whatever a program does with files, a tree in memory and a directory of the host answer as the
// kernel does, error numbers and all.
func TestAsTheKernel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "vfs")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		for _, sub := range []string{"model", "mounted"} {
			if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		root, err := os.OpenRoot(filepath.Join(dir, "mounted"))
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		mounted := vfs.New()
		if err := mounted.Mount("/", vfs.Dir(root)); err != nil {
			t.Fatal(err)
		}
		systems := map[string]system{"memory": ours{vfs.New()}, "directory": ours{mounted}}
		model := kernel{filepath.Join(dir, "model")}

		element := rapid.SampledFrom([]string{"a", "a", "a", "b", "b", "c", ".", "..", ""})
		name := rapid.Custom(func(t *rapid.T) string {
			list := rapid.SliceOfN(element, 1, 4).Draw(t, "elements")
			for depth, i := 0, 0; i < len(list); i++ { // nothing outside of the model's directory
				switch list[i] {
				case "..":
					if depth--; depth < 0 {
						list[i], depth = "a", 1
					}
				case "", ".":
				default:
					depth++
				}
			}
			return strings.TrimLeft(strings.Join(list, "/"), "/")
		})
		target := rapid.SampledFrom([]string{"a", "b", "a/b", "./c", "b/", "c/.", "nowhere"})
		check := func(what string, do func(s system) (string, vfs.Errno)) {
			want, wantErr := do(model)
			for label, s := range systems {
				if got, err := do(s); err != wantErr || got != want {
					t.Fatalf("%s, %s: %q, %v; the kernel says %q, %v", label, what, got, error(err),
						want, error(wantErr))
				}
			}
		}
		only := func(do func(s system) vfs.Errno) func(s system) (string, vfs.Errno) {
			return func(s system) (string, vfs.Errno) { return "", do(s) }
		}
		look := func(n string) {
			check("stat "+n, func(s system) (string, vfs.Errno) { return s.stat(n, true) })
			check("lstat "+n, func(s system) (string, vfs.Errno) { return s.stat(n, false) })
			check("list "+n, func(s system) (string, vfs.Errno) { return s.list(n) })
			check("read "+n, func(s system) (string, vfs.Errno) { return s.read(n) })
			check("readlink "+n, func(s system) (string, vfs.Errno) { return s.readlink(n) })
		}
		t.Repeat(map[string]func(*rapid.T){
			"mkdir": func(t *rapid.T) {
				n := name.Draw(t, "name")
				check("mkdir "+n, only(func(s system) vfs.Errno { return s.mkdir(n) }))
			},
			"write": func(t *rapid.T) {
				n, data := name.Draw(t, "name"),
					rapid.SampledFrom([]string{"", "x", "hello"}).Draw(t, "data")
				offset := rapid.Int64Range(0, 8).Draw(t, "offset")
				flags := rapid.SampledFrom([]vfs.OpenFlags{vfs.Create, vfs.Create, 0,
					vfs.Create | vfs.Exclusive, vfs.Create | vfs.Truncate, vfs.Truncate,
					vfs.NoFollow, vfs.Directory}).Draw(t, "flags")
				check(fmt.Sprintf("write %s %b", n, flags),
					only(func(s system) vfs.Errno { return s.write(n, flags, offset, data) }))
			},
			"remove": func(t *rapid.T) {
				n, dir := name.Draw(t, "name"), rapid.Bool().Draw(t, "directory")
				check(fmt.Sprintf("remove %s %t", n, dir),
					only(func(s system) vfs.Errno { return s.remove(n, dir) }))
			},
			"rename": func(t *rapid.T) {
				from, to := name.Draw(t, "from"), name.Draw(t, "to")
				check("rename "+from+" to "+to,
					only(func(s system) vfs.Errno { return s.rename(from, to) }))
			},
			"symlink": func(t *rapid.T) {
				to, n := target.Draw(t, "target"), name.Draw(t, "name")
				check("symlink "+to+" at "+n,
					only(func(s system) vfs.Errno { return s.symlink(to, n) }))
			},
			"link": func(t *rapid.T) {
				from, to := name.Draw(t, "from"), name.Draw(t, "to")
				check("link "+from+" at "+to,
					only(func(s system) vfs.Errno { return s.link(from, to) }))
			},
			"truncate": func(t *rapid.T) {
				n, size := name.Draw(t, "name"), rapid.Int64Range(-1, 10).Draw(t, "size")
				check(fmt.Sprintf("truncate %s %d", n, size),
					only(func(s system) vfs.Errno { return s.truncate(n, size) }))
			},
			"look": func(t *rapid.T) { look(name.Draw(t, "name")) },
			"": func(t *rapid.T) {
				for _, n := range []string{".", "a", "b", "c", "a/a", "a/b"} {
					look(n)
				}
			},
		})
	})
}

// What is open lives on without a name, and its room is given back.
func TestOpenFilesOutliveTheirNames(t *testing.T) {
	f := vfs.New()
	if err := f.Mount("/small", vfs.NewMemory(100, 10)); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteFile("/small/x", bytes.Repeat([]byte("x"), 60), 0o644); err != nil {
		t.Fatal(err)
	}
	h, err := f.Open("/small/x", vfs.Read|vfs.Write, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Remove("/small/x", false); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 61)
	if n, err := h.ReadAt(b, 0); n != 60 || err != io.EOF {
		t.Errorf("read %d bytes, %v", n, err)
	}
	full := bytes.Repeat([]byte("y"), 60)
	if err := f.WriteFile("/small/y", full, 0o644); vfs.Number(err) != vfs.ENOSPC {
		t.Errorf("its room was another's while it was open: %v", err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteFile("/small/y", full, 0o644); err != nil {
		t.Errorf("its room is still taken: %v", err)
	}
	if err := h.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	for i := range 20 {
		err = f.Mkdir(fmt.Sprintf("/small/%d", i), 0o755)
	}
	if vfs.Number(err) != vfs.ENOSPC {
		t.Errorf("20 directories where 10 files can be: %v", err)
	}
	if _, err := h.Stat(); vfs.Number(err) != vfs.EBADF {
		t.Errorf("stat of a closed file: %v", err)
	}
}

// Mounts hide what was there, and nothing moves or is linked from one to another.
func TestMounts(t *testing.T) {
	f := vfs.New()
	// Not every fs.FS can be compared with another.
	lib := vfs.FromFS(fstest.MapFS{"hello.txt": {Data: []byte("hello\n")}})
	if err := f.Mount("/usr/lib", lib); err != nil {
		t.Fatal(err)
	}
	if b, err := f.ReadFile("/usr/lib/hello.txt"); string(b) != "hello\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if err := f.WriteFile("/file", []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := f.Mount("/other", vfs.NewMemory(1000, 10)); err != nil {
		t.Fatal(err)
	}
	if err := f.Symlink("/usr/lib", "/other/lib"); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]struct {
		err  error
		want vfs.Errno
	}{
		"write":          {f.WriteFile("/usr/lib/new", nil, 0o644), vfs.EROFS},
		"write over":     {f.WriteFile("/usr/lib/hello.txt", nil, 0o644), vfs.EROFS},
		"through a link": {f.WriteFile("/other/lib/new", nil, 0o644), vfs.EROFS},
		"remove":         {f.Remove("/usr/lib/hello.txt", false), vfs.EROFS},
		"remove a mount": {f.Remove("/usr/lib", true), vfs.EBUSY},
		"rename":         {f.Rename("/file", "/other/file"), vfs.EXDEV},
		"link":           {f.Link("/file", "/other/file"), vfs.EXDEV},
		"move a mount":   {f.Rename("/other", "/else"), vfs.EBUSY},
		"mount on file":  {f.Mount("/file", lib), vfs.ENOTDIR},
		"long":           {f.Mkdir(strings.Repeat("/x", 3000), 0o755), vfs.ENAMETOOLONG},
		"zero":           {f.Mkdir("/a\x00b", 0o755), vfs.EINVAL},
	} {
		if vfs.Number(c.err) != c.want {
			t.Errorf("%s: %v, want %v", what, c.err, c.want)
		}
	}
	if p, err := f.RealPath("/other/lib/../none/hello.txt"); vfs.Number(err) != vfs.ENOENT {
		t.Errorf("a directory of another mount: %q, %v", p, err)
	}
	if p, err := f.RealPath("/other/./lib/hello.txt"); p != "/usr/lib/hello.txt" || err != nil {
		t.Errorf("%q, %v", p, err)
	}
	list, err := f.List("/")
	if got := fmt.Sprint(slices.Collect(func(yield func(string) bool) {
		for _, e := range list {
			yield(e.Name)
		}
	})); got != "[file other usr]" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}
