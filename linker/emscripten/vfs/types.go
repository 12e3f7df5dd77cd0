package vfs

import (
	"io/fs"
	"time"
)

// Info is what stat tells.
type Info struct {
	Ino      uint64      // one number for one file of a tree
	Mode     fs.FileMode // type and permissions
	Size     int64       // bytes; of a link, of its target's name
	Links    uint32
	Accessed time.Time
	Modified time.Time
	Changed  time.Time
}

// Entry is a name in a directory.
type Entry struct {
	Name string
	Ino  uint64
	Type fs.FileMode // the type bits
}

// Change is what [FS.Change] and [Handle] change; what is nil stays.
type Change struct {
	Perm     *fs.FileMode
	Size     *int64
	Accessed *time.Time
	Modified *time.Time
}

func (c Change) check(mode fs.FileMode) error {
	if c.Size != nil {
		switch {
		case *c.Size < 0:
			return EINVAL
		case mode.IsDir():
			return EISDIR
		case !mode.IsRegular():
			return EINVAL
		}
	}
	return nil
}

// OpenFlags says how a file is opened.
type OpenFlags uint8

// The flags.
const (
	Read      OpenFlags = 1 << iota
	Write               // without Read or Write nothing but Stat is possible
	Create              // make it if it is not there
	Exclusive           // with Create: an error if it is there
	Truncate            // make it empty
	Directory           // an error if it is no directory
	NoFollow            // an error if it is a symbolic link
)

// Handle is an open file. It stays usable when its name is removed. A position belongs to the
// reader, so it has none. Its methods may be called by several goroutines.
type Handle interface {
	// ReadAt reads as io.ReaderAt does. Its error is io.EOF at the end.
	ReadAt(p []byte, offset int64) (int, error)
	// WriteAt writes p; behind the end, the gap is filled with zeroes.
	WriteAt(p []byte, offset int64) (int, error)
	// Append writes p at the end, as one step, and tells where the end is then.
	Append(p []byte) (end int64, err error)
	Stat() (Info, error)
	Change(c Change) error
	Sync() error
	Close() error
}
