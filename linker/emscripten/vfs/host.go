package vfs

import (
	"io/fs"
	"os"
	"time"
)

// directory is a tree that a directory of the host has.
type directory struct{ root *os.Root }

// Dir returns a tree with the files of a directory of the host; what a program changes there is
// changed on the host. Nothing outside of it can be reached, by symbolic links neither. The caller
// closes root when the program has ended.
func Dir(root *os.Root) Tree { return &directory{root} }

func (*directory) isTree() {}

func (d *directory) lstat(name string) (Info, error) {
	i, err := d.root.Lstat(name)
	if err != nil {
		return Info{}, err
	}
	return hostInfo(i), nil
}

func (d *directory) open(name string, flags OpenFlags, mode fs.FileMode) (Handle, error) {
	how := os.O_RDONLY
	switch {
	case flags&Read != 0 && flags&Write != 0:
		how = os.O_RDWR
	case flags&Write != 0:
		how = os.O_WRONLY
	}
	for _, x := range []struct {
		flag OpenFlags
		how  int
	}{{Create, os.O_CREATE}, {Exclusive, os.O_EXCL}, {Truncate, os.O_TRUNC}} {
		if flags&x.flag != 0 {
			how |= x.how
		}
	}
	file, err := d.root.OpenFile(name, how, mode)
	if err != nil {
		return nil, err
	}
	return hostHandle{d, name, file}, nil
}

func (d *directory) list(name string) ([]Entry, error) {
	file, err := d.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found, err := file.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	list := make([]Entry, 0, len(found))
	for _, e := range found {
		i, err := e.Info()
		if err != nil { // removed meanwhile
			continue
		}
		list = append(list, Entry{e.Name(), hostInfo(i).Ino, e.Type()})
	}
	return list, nil
}

func (d *directory) mkdir(name string, mode fs.FileMode) error { return d.root.Mkdir(name, mode) }
func (d *directory) symlink(target, name string) error {
	return d.root.Symlink(target, name)
}
func (d *directory) readlink(name string) (string, error) { return d.root.Readlink(name) }
func (d *directory) link(from, to string) error           { return d.root.Link(from, to) }

func (d *directory) rename(from, to string) error {
	if i, err := d.root.Lstat(to); err == nil && i.IsDir() { // Go's own Rename does not replace one
		if err := d.root.Remove(to); err != nil {
			return err
		}
	}
	return d.root.Rename(from, to)
}

func (d *directory) remove(name string, dir bool) error {
	// The kernel's unlink and rmdir are one function here; what is at the name was looked at
	// before.
	return d.root.Remove(name)
}

func (d *directory) change(name string, c Change) error {
	if c.Size != nil {
		file, err := d.root.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := file.Truncate(*c.Size); err != nil {
			return err
		}
	}
	i, err := d.root.Lstat(name)
	if err != nil {
		return err
	}
	// its own permissions and times stay: there is no portable way
	if i.Mode().Type() == fs.ModeSymlink {
		return nil
	}
	if c.Perm != nil {
		if err := d.root.Chmod(name, c.Perm.Perm()); err != nil {
			return err
		}
	}
	if c.Accessed != nil || c.Modified != nil {
		return d.root.Chtimes(name, timeOr(c.Accessed, hostInfo(i).Accessed),
			timeOr(c.Modified, i.ModTime()))
	}
	return nil
}

func timeOr(t *time.Time, other time.Time) time.Time {
	if t != nil {
		return *t
	}
	return other
}

// hostHandle is an open file of the host.
type hostHandle struct {
	d    *directory
	name string
	file *os.File
}

func (h hostHandle) ReadAt(p []byte, offset int64) (int, error) { return h.file.ReadAt(p, offset) }
func (h hostHandle) WriteAt(p []byte, offset int64) (int, error) {
	return h.file.WriteAt(p, offset)
}
func (h hostHandle) Sync() error  { return h.file.Sync() }
func (h hostHandle) Close() error { return h.file.Close() }

// Append writes at the end that the file has now. Of two programs on one directory of the host
// the later one wins; within one, descriptors of a file are guarded by it.
func (h hostHandle) Append(p []byte) (int64, error) {
	i, err := h.file.Stat()
	if err != nil {
		return 0, err
	}
	n, err := h.file.WriteAt(p, i.Size())
	return i.Size() + int64(n), err
}

func (h hostHandle) Stat() (Info, error) {
	i, err := h.file.Stat()
	if err != nil {
		return Info{}, err
	}
	return hostInfo(i), nil
}

func (h hostHandle) Change(c Change) error {
	i, err := h.file.Stat()
	if err != nil {
		return err
	}
	if err := c.check(i.Mode()); err != nil {
		return err
	}
	if c.Size != nil {
		if err := h.file.Truncate(*c.Size); err != nil {
			return err
		}
	}
	if c.Perm != nil {
		if err := h.file.Chmod(c.Perm.Perm()); err != nil {
			return err
		}
	}
	if c.Accessed != nil || c.Modified != nil {
		// There is no portable way by the file itself.
		return h.d.root.Chtimes(h.name, timeOr(c.Accessed, hostInfo(i).Accessed),
			timeOr(c.Modified, i.ModTime()))
	}
	return nil
}
