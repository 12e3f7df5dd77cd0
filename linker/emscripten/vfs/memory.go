package vfs

import (
	"io/fs"
	"path"
	"strings"
	"sync"
	"time"
)

// Limits of [New].
const (
	DefaultMaxBytes = 1 << 30 // of all files together
	DefaultMaxFiles = 1 << 20 // files, directories and links
)

// memory is a tree that lives in memory.
type memory struct {
	mu       sync.RWMutex
	root     *node
	lastIno  uint64
	bytes    int64 // of all files, those too that have no name any more
	files    int
	maxBytes int64
	maxFiles int
}

// node is a file, a directory or a link. Guarded by the tree's mu.
type node struct {
	info    Info // without the size of a file
	entries map[string]*node
	data    []byte
	target  string
	open    int
}

// NewMemory returns an empty directory in memory. Files have at most so many bytes together, and
// there are at most so many files, directories and links; beyond that the error is ENOSPC.
func NewMemory(maxBytes int64, maxFiles int) Tree {
	m := &memory{maxBytes: maxBytes, maxFiles: maxFiles}
	m.root = m.node(fs.ModeDir | 0o755)
	m.root.info.Links = 2
	return m
}

func (*memory) isTree() {}

// node makes a node that nothing leads to yet.
func (m *memory) node(mode fs.FileMode) *node {
	m.lastIno++
	m.files++
	now := time.Now()
	n := &node{info: Info{Ino: m.lastIno, Mode: mode, Accessed: now, Modified: now, Changed: now}}
	if mode.IsDir() {
		n.entries, n.info.Links = map[string]*node{}, 1
	}
	return n
}

func (n *node) stat() Info {
	info := n.info
	info.Size = int64(len(n.data) + len(n.target))
	return info
}

// at finds a node; nil if there is none.
func (m *memory) at(name string) *node {
	n := m.root
	if name == "." {
		return n
	}
	for e := range strings.SplitSeq(name, "/") {
		if n = n.entries[e]; n == nil {
			return nil
		}
	}
	return n
}

// in finds the directory that a name is in.
func (m *memory) in(name string) (d *node, base string, err error) {
	if d = m.at(path.Dir(name)); d == nil {
		return nil, "", ENOENT
	} else if d.entries == nil {
		return nil, "", ENOTDIR
	}
	return d, path.Base(name), nil
}

func (m *memory) lstat(name string) (Info, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if n := m.at(name); n != nil {
		return n.stat(), nil
	}
	return Info{}, ENOENT
}

func (m *memory) list(name string) (list []Entry, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n := m.at(name)
	if n == nil {
		return nil, ENOENT
	}
	for name, e := range n.entries {
		list = append(list, Entry{name, e.info.Ino, e.info.Mode.Type()})
	}
	return list, nil
}

// put gives a node a name in a directory.
func (d *node) put(base string, n *node) {
	d.entries[base] = n
	n.info.Links++
	if n.info.Mode.IsDir() {
		d.info.Links++
	}
	d.touch()
}

// touch says that what a node holds has changed.
func (n *node) touch() {
	n.info.Modified = time.Now()
	n.info.Changed = n.info.Modified
}

// drop takes a name out of a directory.
func (m *memory) drop(d *node, base string) {
	n := d.entries[base]
	delete(d.entries, base)
	n.info.Links--
	if n.info.Mode.IsDir() {
		d.info.Links--
		n.info.Links--
	}
	d.touch()
	n.info.Changed = d.info.Changed
	m.forget(n)
}

// forget gives the room of a node back that has neither name nor handle.
func (m *memory) forget(n *node) {
	if n.info.Links == 0 && n.open == 0 {
		m.files--
		m.bytes -= int64(len(n.data))
		n.data = nil
	}
}

// create makes something new under a name.
func (m *memory) create(name string, mode fs.FileMode) (*node, error) {
	d, base, err := m.in(name)
	switch {
	case err != nil:
		return nil, err
	case d.info.Links == 0:
		return nil, ENOENT
	case d.entries[base] != nil:
		return nil, EEXIST
	case m.files >= m.maxFiles:
		return nil, ENOSPC
	}
	n := m.node(mode)
	d.put(base, n)
	return n, nil
}

func (m *memory) mkdir(name string, mode fs.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.create(name, fs.ModeDir|mode)
	return err
}

func (m *memory) symlink(target, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.create(name, fs.ModeSymlink|0o777)
	if err == nil {
		n.target = target
	}
	return err
}

func (m *memory) readlink(name string) (string, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if n := m.at(name); n != nil && n.target != "" {
		return n.target, nil
	}
	return "", EINVAL
}

func (m *memory) link(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.at(from)
	if n == nil {
		return ENOENT
	}
	d, base, err := m.in(to)
	switch {
	case err != nil:
		return err
	case d.entries[base] != nil:
		return EEXIST
	case n.info.Links == 1<<32-1:
		return EMLINK
	}
	d.put(base, n)
	n.info.Changed = time.Now()
	return nil
}

func (m *memory) remove(name string, dir bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.in(name)
	if err != nil {
		return err
	}
	n := d.entries[base]
	switch {
	case n == nil:
		return ENOENT
	case dir != (n.entries != nil):
		return EBUSY // it has changed since it was looked at
	case len(n.entries) > 0:
		return ENOTEMPTY
	}
	m.drop(d, base)
	return nil
}

func (m *memory) rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d, base, err := m.in(from)
	if err != nil {
		return err
	}
	e, other, err := m.in(to)
	if err != nil {
		return err
	}
	n, old := d.entries[base], e.entries[other]
	switch {
	case n == nil || e.info.Links == 0:
		return ENOENT
	case n == old:
		return nil
	case old != nil && len(old.entries) > 0:
		return ENOTEMPTY
	}
	for at := path.Dir(to); at != "."; at = path.Dir(at) {
		if m.at(at) == n { // it would be within itself
			return EINVAL
		}
	}
	if old != nil {
		m.drop(e, other)
	}
	e.put(other, n)
	delete(d.entries, base)
	n.info.Links--
	if n.entries != nil {
		d.info.Links--
	}
	d.touch()
	n.info.Changed = d.info.Changed
	return nil
}

func (m *memory) change(name string, c Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.at(name)
	if n == nil {
		return ENOENT
	}
	return m.changeNode(n, c)
}

func (m *memory) changeNode(n *node, c Change) error {
	if c.Size != nil {
		if n.entries != nil || n.target != "" {
			return EINVAL
		}
		if err := m.resize(n, *c.Size); err != nil {
			return err
		}
		n.touch()
	}
	n.info.Changed = time.Now()
	if c.Perm != nil {
		n.info.Mode = n.info.Mode.Type() | c.Perm.Perm()
	}
	if c.Accessed != nil {
		n.info.Accessed = *c.Accessed
	}
	if c.Modified != nil {
		n.info.Modified = *c.Modified
	}
	return nil
}

// resize sets the length of a file; what is new is zero.
func (m *memory) resize(n *node, size int64) error {
	more := size - int64(len(n.data))
	switch {
	case size > m.maxBytes:
		return EFBIG
	case m.bytes+more > m.maxBytes:
		return ENOSPC
	case size <= int64(cap(n.data)):
		old := len(n.data)
		n.data = n.data[:size]
		if more > 0 {
			clear(n.data[old:])
		} else if size < int64(cap(n.data))/4 {
			n.data = append([]byte(nil), n.data...)
		}
	default:
		n.data = append(n.data, make([]byte, more)...)
	}
	m.bytes += more
	return nil
}

func (m *memory) open(name string, flags OpenFlags, mode fs.FileMode) (Handle, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.at(name)
	if n == nil {
		if flags&Create == 0 {
			return nil, ENOENT
		}
		var err error
		if n, err = m.create(name, mode); err != nil {
			return nil, err
		}
	} else if flags&Exclusive != 0 {
		return nil, EEXIST
	}
	if n.entries != nil || n.target != "" { // it has changed since it was looked at
		return nil, EBUSY
	}
	if flags&Truncate != 0 {
		if err := m.resize(n, 0); err != nil {
			return nil, err
		}
		n.touch()
	}
	n.open++
	return &memoryHandle{m: m, n: n, flags: flags}, nil
}
