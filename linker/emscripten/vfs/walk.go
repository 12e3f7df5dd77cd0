package vfs

import (
	"io/fs"
	"path"
	"slices"
	"strings"
)

// location is what a path leads to.
type location struct {
	t     tree
	abs   string // the path without symbolic links
	rel   string // the same, within the tree
	info  Info
	found bool
	dir   bool // the path ends with a slash, so it has to be a directory
	mount bool // something is mounted there
}

// parts splits a path into its elements, and refuses what is too long.
func parts(name string) ([]string, error) {
	if name == "" {
		return nil, ENOENT
	}
	if len(name) > MaxPath {
		return nil, ENAMETOOLONG
	}
	if strings.IndexByte(name, 0) >= 0 {
		return nil, EINVAL
	}
	return strings.FieldsFunc(name, func(r rune) bool { return r == '/' }), nil
}

// within finds the tree of a path without symbolic links.
func within(mounts map[string]tree, abs string) (t tree, rel string) {
	for at := abs; ; at = path.Dir(at) {
		if t := mounts[at]; t != nil {
			rel := strings.Trim(strings.TrimPrefix(abs, at), "/")
			if rel == "" {
				rel = "."
			}
			return t, rel
		}
	}
}

// following says whether a symbolic link at the end of a path is followed.
type following byte

const (
	always following = iota
	never
	ifSlash // if the path ends with a slash

	creating following = 1 << 7 // it may be made, so it must not be said to be a directory
)

// find walks a path, and is an error if there is nothing; seek is not.
func (f *FS) find(op, name string, follow following) (location, error) {
	l, err := f.seek(op, name, follow)
	if err == nil && !l.found {
		return l, &fs.PathError{Op: op, Path: name, Err: ENOENT}
	}
	return l, err
}

// current returns the mounts, which are never changed but replaced.
func (f *FS) current() map[string]tree {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.mounts
}

func (f *FS) seek(op, name string, follow following) (location, error) {
	l, err := walk(f.current(), name, follow)
	if err == nil && l.found && l.dir && !l.info.Mode.IsDir() {
		err = ENOTDIR
	}
	if err != nil {
		return l, &fs.PathError{Op: op, Path: name, Err: err}
	}
	return l, nil
}

func walk(mounts map[string]tree, name string, follow following) (location, error) {
	todo, err := parts(name)
	if err != nil {
		return location{}, err
	}
	at, links := "/", 0
	creates := follow&creating != 0
	follow &^= creating
	slash := strings.HasSuffix(name, "/")
	l := func() (location, error) {
		t, rel := within(mounts, at)
		info, err := t.lstat(rel)
		if err != nil && Number(err) != ENOENT {
			return location{}, err
		}
		return location{t: t, abs: at, rel: rel, info: info, found: err == nil, dir: slash,
			mount: mounts[at] != nil}, nil
	}
	here, err := l()
	for err == nil && len(todo) > 0 {
		next := todo[0]
		todo = todo[1:]
		if !here.found {
			return location{}, ENOENT
		}
		if !here.info.Mode.IsDir() {
			return location{}, ENOTDIR
		}
		switch {
		case creates && len(todo) == 0 && slash && next != "." && next != "..":
			return location{}, EISDIR
		case next == ".":
			slash = slash || len(todo) == 0
			here.dir = slash
			continue
		case next == "..":
			slash = slash || len(todo) == 0
			at = path.Dir(at)
		case len(next) > MaxName:
			return location{}, ENAMETOOLONG
		default:
			at = path.Join(at, next)
		}
		if here, err = l(); err != nil {
			break
		}
		if here.info.Mode.Type() != fs.ModeSymlink || len(todo) == 0 &&
			(follow == never || follow == ifSlash && !slash) {
			continue
		}
		if links++; links > maxLinks {
			return location{}, ELOOP
		}
		target, err := here.t.readlink(here.rel)
		if err != nil {
			return location{}, err
		}
		more, err := parts(target)
		if err != nil {
			return location{}, err
		}
		slash = slash || len(todo) == 0 && strings.HasSuffix(target, "/")
		todo = append(slices.Clip(more), todo...)
		if at = path.Dir(at); strings.HasPrefix(target, "/") {
			at = "/"
		}
		if here, err = l(); err != nil {
			return location{}, err
		}
	}
	return here, err
}
