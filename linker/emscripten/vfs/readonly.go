package vfs

import (
	"bytes"
	"errors"
	"hash/fnv"
	"io"
	"io/fs"
	"path"
	"sync"
)

// readOnly is a tree that an [fs.FS] has.
type readOnly struct{ fsys fs.FS }

// FromFS returns a tree with the files of an [fs.FS], which cannot be changed: whatever would is
// EROFS. Symbolic links are followed as the fs.FS does it. A file that is no io.ReaderAt is read
// whole when it is first read.
func FromFS(fsys fs.FS) Tree { return &readOnly{fsys} }

func (*readOnly) isTree() {}

// info converts what an fs.FS tells. It has no numbers of files, so a hash of the name is one.
func (r *readOnly) info(name string, i fs.FileInfo) Info {
	return Info{Ino: inoOf(name), Mode: i.Mode(), Size: i.Size(), Links: 1, Accessed: i.ModTime(),
		Modified: i.ModTime(), Changed: i.ModTime()}
}

func inoOf(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(path.Clean(name)))
	return h.Sum64() | 1<<63
}

func (r *readOnly) lstat(name string) (Info, error) {
	i, err := fs.Stat(r.fsys, name)
	if err != nil {
		return Info{}, err
	}
	return r.info(name, i), nil
}

func (r *readOnly) list(name string) ([]Entry, error) {
	found, err := fs.ReadDir(r.fsys, name)
	if err != nil {
		return nil, err
	}
	list := make([]Entry, 0, len(found))
	for _, e := range found {
		list = append(list, Entry{e.Name(), inoOf(path.Join(name, e.Name())), e.Type()})
	}
	return list, nil
}

func (r *readOnly) open(name string, flags OpenFlags, _ fs.FileMode) (Handle, error) {
	if flags&(Write|Truncate) != 0 {
		return nil, EROFS
	}
	file, err := r.fsys.Open(name)
	if errors.Is(err, fs.ErrNotExist) && flags&Create != 0 {
		return nil, EROFS
	}
	if err != nil {
		return nil, err
	}
	return &readOnlyHandle{tree: r, name: name, file: file}, nil
}

func (*readOnly) mkdir(string, fs.FileMode) error            { return EROFS }
func (*readOnly) remove(string, bool) error                  { return EROFS }
func (*readOnly) rename(string, string) error                { return EROFS }
func (*readOnly) symlink(string, string) error               { return EROFS }
func (*readOnly) readlink(string) (string, error)            { return "", EINVAL }
func (*readOnly) link(string, string) error                  { return EROFS }
func (*readOnly) change(string, Change) error                { return EROFS }
func (h *readOnlyHandle) WriteAt([]byte, int64) (int, error) { return 0, EBADF }
func (h *readOnlyHandle) Append([]byte) (int64, error)       { return 0, EBADF }
func (h *readOnlyHandle) Change(Change) error                { return EROFS }
func (h *readOnlyHandle) Sync() error                        { return nil }
func (h *readOnlyHandle) Close() error                       { return h.file.Close() }

// readOnlyHandle is an open file of an fs.FS.
type readOnlyHandle struct {
	tree *readOnly
	name string
	file fs.File

	once sync.Once
	at   io.ReaderAt
	err  error
}

func (h *readOnlyHandle) Stat() (Info, error) {
	i, err := h.file.Stat()
	if err != nil {
		return Info{}, err
	}
	return h.tree.info(h.name, i), nil
}

func (h *readOnlyHandle) ReadAt(p []byte, offset int64) (int, error) {
	if offset < 0 {
		return 0, EINVAL
	}
	h.once.Do(func() {
		if at, ok := h.file.(io.ReaderAt); ok {
			h.at = at
			return
		}
		all, err := io.ReadAll(h.file)
		h.at, h.err = bytes.NewReader(all), err
	})
	if h.err != nil {
		return 0, h.err
	}
	return h.at.ReadAt(p, offset)
}
