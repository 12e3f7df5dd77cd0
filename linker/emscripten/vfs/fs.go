package vfs

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Limits of every file system.
const (
	MaxPath  = 4096 // bytes of a path
	MaxName  = 255  // bytes of a name
	maxLinks = 40   // symbolic links in one path
)

// FS is a tree of mounts. [New] makes one; the zero value is not usable.
type FS struct {
	mu     sync.RWMutex
	mounts map[string]tree // by the directory where they are
}

// New returns a file system whose root is an empty directory in memory, with the limits of
// [NewMemory].
func New() *FS {
	return &FS{mounts: map[string]tree{"/": NewMemory(DefaultMaxBytes, DefaultMaxFiles).(tree)}}
}

// Mount shows m at a directory, which is made if it is not there. What was in that directory is
// hidden. A mount that is there already is replaced, the root's too.
func (f *FS) Mount(dir string, m Tree) error {
	t, ok := m.(tree)
	if !ok || m == nil {
		return &fs.PathError{Op: "mount", Path: dir, Err: EINVAL}
	}
	if err := f.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	l, err := f.find("mount", dir, always)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mounts = maps.Clone(f.mounts)
	f.mounts[l.abs] = t
	return nil
}

// Tree is what can be mounted: [NewMemory], [FromFS] and [Dir] make one.
type Tree interface{ isTree() }

// tree is a Tree as this package sees it. Names are relative, clean and without symbolic links,
// except that the last element may be one; "." is the root. Errors are an Errno, or something that
// Number understands.
type tree interface {
	Tree
	lstat(name string) (Info, error)
	// open opens a regular file, which create makes. It is never called for a directory or a link.
	open(name string, flags OpenFlags, mode fs.FileMode) (Handle, error)
	list(name string) ([]Entry, error)
	mkdir(name string, mode fs.FileMode) error
	remove(name string, dir bool) error
	rename(from, to string) error
	symlink(target, name string) error
	readlink(name string) (string, error)
	link(from, to string) error
	change(name string, c Change) error
}

// do finds what is at a path and does something with it.
func (f *FS) do(op, name string, follow following, action func(l location) error) error {
	l, err := f.find(op, name, follow)
	if err != nil {
		return err
	}
	return pathError(op, name, action(l))
}

// add seeks the place of something new and makes it.
func (f *FS) add(op, name string, action func(l location) error) error {
	l, err := walk(f.current(), name, never)
	switch {
	case err != nil:
	case l.found:
		err = EEXIST
	default:
		err = action(l)
	}
	return pathError(op, name, err)
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: Number(err)}
}

// followed is what a caller asks for.
func followed(follow bool) following {
	if follow {
		return always
	}
	return ifSlash
}

// Stat says what is at a path. follow says whether a symbolic link at its end is followed.
func (f *FS) Stat(name string, follow bool) (Info, error) {
	l, err := f.find("stat", name, followed(follow))
	return l.info, err
}

// RealPath returns the path without symbolic links, "." and "..". Its last element need not exist.
func (f *FS) RealPath(name string) (string, error) {
	l, err := f.seek("realpath", name, always)
	return l.abs, err
}

// List returns what is in a directory, sorted by name, without "." and "..".
func (f *FS) List(name string) (list []Entry, err error) {
	err = f.do("readdir", name, always, func(l location) error {
		if !l.info.Mode.IsDir() {
			return ENOTDIR
		}
		var err error
		list, err = l.t.list(l.rel)
		slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
		return err
	})
	return list, err
}

// Mkdir makes a directory.
func (f *FS) Mkdir(name string, mode fs.FileMode) error {
	return f.add("mkdir", name, func(l location) error { return l.t.mkdir(l.rel, mode.Perm()) })
}

// MkdirAll makes a directory and those that it is in. It is no error if they are there.
func (f *FS) MkdirAll(name string, mode fs.FileMode) error {
	elements, err := parts(name)
	if err != nil {
		return pathError("mkdir", name, err)
	}
	at := "/"
	for _, e := range elements {
		at += e + "/"
		if err := f.Mkdir(at, mode); err != nil && Number(err) != EEXIST {
			return err
		}
	}
	l, err := f.find("mkdir", name, always)
	if err == nil && !l.info.Mode.IsDir() {
		err = pathError("mkdir", name, ENOTDIR)
	}
	return err
}

// Remove removes a file or a link, or with dir an empty directory.
func (f *FS) Remove(name string, dir bool) error {
	if last := last(name); last == "." || last == ".." {
		err := f.parent("remove", name)
		switch {
		case err != nil:
			return err
		case !dir:
			return pathError("remove", name, EISDIR)
		case last == ".":
			return pathError("remove", name, EINVAL)
		}
		return pathError("remove", name, ENOTEMPTY)
	}
	return f.do("remove", name, never, func(l location) error {
		switch isDir := l.info.Mode.IsDir(); {
		case l.mount:
			return EBUSY
		case dir && !isDir:
			return ENOTDIR
		case !dir && isDir:
			return EISDIR
		}
		return l.t.remove(l.rel, dir)
	})
}

// last returns the last element of a path.
func last(name string) string {
	name = strings.TrimRight(name, "/")
	return name[strings.LastIndexByte(name, '/')+1:]
}

// parent is an error if what the last element of a path is in is no directory.
func (f *FS) parent(op, name string) error {
	if name == "" {
		return pathError(op, name, ENOENT)
	}
	dir := strings.TrimSuffix(strings.TrimRight(name, "/"), last(name))
	if dir == "" {
		dir = "/"
	}
	_, err := f.find(op, dir, always)
	return err
}

// Rename moves a file, a link or a directory. What is at the new path is replaced, if it is of the
// same kind and, as a directory, empty.
func (f *FS) Rename(from, to string) error {
	for _, name := range []string{from, to} {
		if err := f.parent("rename", name); err != nil {
			return err
		}
	}
	for _, last := range []string{last(from), last(to)} {
		if last == "" || last == "." || last == ".." {
			return pathError("rename", from, EBUSY)
		}
	}
	return f.do("rename", from, never, func(l location) error {
		d, err := walk(f.current(), to, never)
		isDir := l.info.Mode.IsDir()
		switch {
		case err != nil:
			return err
		case l.mount || d.mount:
			return EBUSY
		case l.t != d.t:
			return EXDEV
		case d.dir && !isDir:
			return ENOTDIR
		case l.abs == d.abs:
			return nil
		case strings.HasPrefix(d.abs, l.abs+"/"):
			return EINVAL
		case strings.HasPrefix(l.abs, d.abs+"/"):
			return ENOTEMPTY
		case d.found && isDir && !d.info.Mode.IsDir():
			return ENOTDIR
		case d.found && !isDir && d.info.Mode.IsDir():
			return EISDIR
		case d.found && d.info.Ino == l.info.Ino && !isDir: // two links to one file
			return nil
		}
		return l.t.rename(l.rel, d.rel)
	})
}

// Symlink makes a symbolic link to target, which need not exist.
func (f *FS) Symlink(target, name string) error {
	if len(target) > MaxPath {
		return pathError("symlink", name, ENAMETOOLONG)
	}
	return f.add("symlink", name, func(l location) error {
		if l.dir || target == "" {
			return ENOENT
		}
		return l.t.symlink(target, l.rel)
	})
}

// Readlink returns where a symbolic link leads.
func (f *FS) Readlink(name string) (target string, err error) {
	err = f.do("readlink", name, ifSlash, func(l location) (err error) {
		if l.info.Mode.Type() != fs.ModeSymlink {
			return EINVAL
		}
		target, err = l.t.readlink(l.rel)
		return err
	})
	return target, err
}

// Link makes another name for a file.
func (f *FS) Link(from, to string) error {
	return f.do("link", from, ifSlash, func(l location) error {
		return f.add("link", to, func(d location) error {
			switch {
			case d.dir:
				return ENOENT
			case l.info.Mode.IsDir():
				return EPERM
			case l.t != d.t:
				return EXDEV
			}
			return l.t.link(l.rel, d.rel)
		})
	})
}

// Change changes what is recorded of a file: its permissions, its times, its size. follow says
// whether a symbolic link at the path's end is followed.
func (f *FS) Change(name string, follow bool, c Change) error {
	if c.Size != nil && *c.Size < 0 {
		return pathError("change", name, EINVAL)
	}
	return f.do("change", name, followed(follow), func(l location) error {
		if err := c.check(l.info.Mode); err != nil {
			return err
		}
		return l.t.change(l.rel, c)
	})
}
