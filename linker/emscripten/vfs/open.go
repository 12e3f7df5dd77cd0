package vfs

import (
	"io/fs"
	"path"
)

// File is an open file with the path, without symbolic links, by which it was opened.
type File struct {
	Handle
	Path string
	Dir  bool
}

// Open opens a file, or a directory, which can only be looked at. mode are the permissions of a
// file that is made.
func (f *FS) Open(name string, flags OpenFlags, mode fs.FileMode) (*File, error) {
	// A new file at the end of a dangling link is made where the link leads.
	follow := followed(flags&(NoFollow|Exclusive) == 0)
	if flags&Create != 0 {
		follow |= creating
	}
	l, err := f.seek("open", name, follow)
	if err != nil {
		return nil, err
	}
	if err := flags.check(l); err != nil {
		return nil, pathError("open", name, err)
	}
	if l.found && l.info.Mode.IsDir() {
		return &File{Handle: dirHandle{f, l.abs}, Path: l.abs, Dir: true}, nil
	}
	if !l.found {
		if d, err := f.seek("open", path.Dir(l.abs), never); err != nil || !d.found || d.t != l.t {
			return nil, pathError("open", name, ENOENT)
		}
	}
	h, err := l.t.open(l.rel, flags, mode.Perm())
	if err != nil {
		return nil, pathError("open", name, err)
	}
	return &File{Handle: h, Path: l.abs}, nil
}

// check refuses what cannot be opened so.
func (flags OpenFlags) check(l location) error {
	isDir := l.found && l.info.Mode.IsDir()
	switch {
	case flags&Create != 0 && flags&Directory != 0:
		return EINVAL
	case !l.found && flags&Create == 0:
		return ENOENT
	case !l.found && l.dir, isDir && flags&Create != 0 && flags&Exclusive == 0:
		return EISDIR
	case l.found && flags&Create != 0 && flags&Exclusive != 0:
		return EEXIST
	case l.found && l.info.Mode.Type() == fs.ModeSymlink:
		return ELOOP
	case l.found && !isDir && flags&Directory != 0:
		return ENOTDIR
	case isDir && flags&(Write|Truncate) != 0:
		return EISDIR
	}
	return nil
}

// dirHandle is an open directory.
type dirHandle struct {
	f    *FS
	path string
}

func (d dirHandle) ReadAt([]byte, int64) (int, error)  { return 0, EISDIR }
func (d dirHandle) WriteAt([]byte, int64) (int, error) { return 0, EBADF }
func (d dirHandle) Append([]byte) (int64, error)       { return 0, EBADF }
func (d dirHandle) Stat() (Info, error)                { return d.f.Stat(d.path, false) }
func (d dirHandle) Change(c Change) error              { return d.f.Change(d.path, false, c) }
func (d dirHandle) Sync() error                        { return nil }
func (d dirHandle) Close() error                       { return nil }
