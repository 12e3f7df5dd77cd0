package emscripten

import (
	"io/fs"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

const statSize = 96

// modeBits are the bits of st_mode.
func modeBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	switch {
	case m.IsDir():
		return bits | 0o040000
	case m&fs.ModeSymlink != 0:
		return bits | 0o120000
	case m&fs.ModeCharDevice != 0:
		return bits | 0o020000
	case m&fs.ModeNamedPipe != 0:
		return bits | 0o010000
	}
	return bits | 0o100000
}

// putStat writes a struct stat.
//
// Source: Emscripten's system/lib/libc/musl/arch/emscripten/bits/stat.h.
func (c *call) putStat(at uint32, i vfs.Info) {
	clear(c.mem.bytes(at, statSize))
	c.mem.put32(at, 1)
	c.mem.put32(at+4, modeBits(i.Mode))
	c.mem.put32(at+8, i.Links)
	c.mem.put64(at+24, uint64(i.Size))
	c.mem.put32(at+32, 4096)
	c.mem.put32(at+36, uint32(min((i.Size+511)/512, 1<<31-1)))
	for n, t := range []time.Time{i.Accessed, i.Modified, i.Changed} {
		c.mem.put64(at+40+16*uint32(n), uint64(t.Unix()))
		c.mem.put32(at+48+16*uint32(n), uint32(t.Nanosecond()))
	}
	c.mem.put64(at+88, i.Ino)
}

// stat says what is at a path, devices included.
func (c *call) stat(name string, follow bool) (vfs.Info, error) {
	kind, fd := deviceOf(name)
	if kind != 0 {
		return deviceStream{kind}.stat()
	}
	if fd >= 0 {
		d, err := c.p.files.get(fd)
		if err != nil {
			return vfs.Info{}, vfs.ENOENT
		}
		return d.what.stat()
	}
	return c.p.fs.Stat(name, follow)
}

func statPath(path, to int, follow bool) func(c *call) (int, error) {
	return func(c *call) (int, error) {
		i, err := c.stat(c.p.abs(c.mem.path(c.u32(path))), follow)
		if err == nil {
			c.putStat(c.u32(to), i)
		}
		return 0, err
	}
}

// changePath changes what is recorded of a file; of devices nothing is.
func (c *call) changePath(fd int32, name string, follow bool, change vfs.Change) error {
	p := c.at(fd, name)
	if kind, fd := deviceOf(p); kind != 0 || fd >= 0 {
		return nil
	}
	return c.p.fs.Change(p, follow, change)
}

func (c *call) chmod(fd int32, name string, mode uint32, follow bool) (int, error) {
	perm := fs.FileMode(mode) & fs.ModePerm
	return 0, c.changePath(fd, name, follow, vfs.Change{Perm: &perm})
}

// exists is what calls that change owners, which are not recorded, do.
func (c *call) exists(name string, follow bool) (int, error) {
	_, err := c.stat(name, follow)
	return 0, err
}

// directoryCalls are the system calls about paths.
var directoryCalls = map[string]function{
	"__syscall_stat64":  system("ii", statPath(0, 1, true)),
	"__syscall_lstat64": system("ii", statPath(0, 1, false)),
	"__syscall_fstat64": system("ii", func(c *call) (int, error) {
		d, err := c.p.files.get(c.i32(0))
		if err != nil {
			return 0, err
		}
		i, err := d.what.stat()
		if err == nil {
			c.putStat(c.u32(1), i)
		}
		return 0, err
	}),
	"__syscall_newfstatat": system("iiii", func(c *call) (int, error) {
		name := c.mem.path(c.u32(1))
		if name == "" && c.u32(3)&atEmptyPath != 0 && c.i32(0) != atCwd {
			d, err := c.p.files.get(c.i32(0))
			if err != nil {
				return 0, err
			}
			i, err := d.what.stat()
			if err == nil {
				c.putStat(c.u32(2), i)
			}
			return 0, err
		}
		if name == "" && c.u32(3)&atEmptyPath != 0 {
			name = "."
		}
		i, err := c.stat(c.at(c.i32(0), name), c.u32(3)&atNoFollow == 0)
		if err == nil {
			c.putStat(c.u32(2), i)
		}
		return 0, err
	}),
	"__syscall_statfs64": system("iii", func(c *call) (int, error) {
		_, err := c.exists(c.p.abs(c.mem.path(c.u32(0))), true)
		if err == nil {
			c.putStatFS(c.u32(2))
		}
		return 0, err
	}),
	"__syscall_fstatfs64": system("iii", func(c *call) (int, error) {
		_, err := c.p.files.get(c.i32(0))
		if err == nil {
			c.putStatFS(c.u32(2))
		}
		return 0, err
	}),
	"__syscall_faccessat": system("iiii", func(c *call) (int, error) {
		if c.u32(2)&^7 != 0 {
			return 0, vfs.EINVAL
		}
		return c.exists(c.at(c.i32(0), c.mem.path(c.u32(1))), c.u32(3)&atNoFollow == 0)
	}),
	"__syscall_getcwd": system("ii", func(c *call) (int, error) {
		c.p.mu.Lock()
		dir := c.p.dir
		c.p.mu.Unlock()
		switch n := uint32(len(dir) + 1); {
		case c.u32(1) == 0:
			return 0, vfs.EINVAL
		case c.u32(1) < n:
			return 0, vfs.ERANGE
		}
		c.mem.put(c.u32(0), append([]byte(dir), 0))
		return len(dir) + 1, nil
	}),
	"__syscall_chdir": system("i", func(c *call) (int, error) {
		return 0, c.chdir(c.p.abs(c.mem.path(c.u32(0))))
	}),
	"__syscall_fchdir": system("i", func(c *call) (int, error) {
		r, err := c.regular(c.i32(0))
		if err != nil {
			return 0, err
		}
		return 0, c.chdir(r.file.Path)
	}),
	"__syscall_mkdirat": system("iii", func(c *call) (int, error) {
		return 0, c.p.fs.Mkdir(c.at(c.i32(0), c.mem.path(c.u32(1))),
			fs.FileMode(c.u32(2)&^c.p.umask())&fs.ModePerm)
	}),
	"__syscall_unlinkat": system("iii", func(c *call) (int, error) {
		return 0, c.p.fs.Remove(c.at(c.i32(0), c.mem.path(c.u32(1))), c.u32(2)&atRemoveDir != 0)
	}),
	"__syscall_rmdir": system("i", func(c *call) (int, error) {
		return 0, c.p.fs.Remove(c.p.abs(c.mem.path(c.u32(0))), true)
	}),
	"__syscall_unlink": system("i", func(c *call) (int, error) {
		return 0, c.p.fs.Remove(c.p.abs(c.mem.path(c.u32(0))), false)
	}),
	"__syscall_renameat": system("iiii", func(c *call) (int, error) {
		return 0, c.p.fs.Rename(c.at(c.i32(0), c.mem.path(c.u32(1))),
			c.at(c.i32(2), c.mem.path(c.u32(3))))
	}),
	"__syscall_rename": system("ii", func(c *call) (int, error) {
		return 0, c.p.fs.Rename(c.p.abs(c.mem.path(c.u32(0))), c.p.abs(c.mem.path(c.u32(1))))
	}),
	"__syscall_symlinkat": system("iii", func(c *call) (int, error) {
		return 0, c.p.fs.Symlink(c.mem.path(c.u32(0)), c.at(c.i32(1), c.mem.path(c.u32(2))))
	}),
	"__syscall_symlink": system("ii", func(c *call) (int, error) {
		return 0, c.p.fs.Symlink(c.mem.path(c.u32(0)), c.p.abs(c.mem.path(c.u32(1))))
	}),
	"__syscall_linkat": system("iiiii", func(c *call) (int, error) {
		from := c.at(c.i32(0), c.mem.path(c.u32(1)))
		if c.u32(4)&atFollow != 0 {
			real, err := c.p.fs.RealPath(from)
			if err != nil {
				return 0, err
			}
			from = real
		}
		return 0, c.p.fs.Link(from, c.at(c.i32(2), c.mem.path(c.u32(3))))
	}),
	"__syscall_readlinkat": system("iiii", func(c *call) (int, error) {
		if c.i32(3) <= 0 {
			return 0, vfs.EINVAL
		}
		target, err := c.p.fs.Readlink(c.at(c.i32(0), c.mem.path(c.u32(1))))
		if err != nil {
			return 0, err
		}
		b := []byte(target)[:min(len(target), int(c.i32(3)))]
		c.mem.put(c.u32(2), b)
		return len(b), nil
	}),
	"__syscall_chmod": system("ii", func(c *call) (int, error) {
		return c.chmod(atCwd, c.mem.path(c.u32(0)), c.u32(1), true)
	}),
	"__syscall_fchmodat": system("iii|iiii", func(c *call) (int, error) {
		return c.chmod(c.i32(0), c.mem.path(c.u32(1)), c.u32(2), true)
	}),
	"__syscall_fchmodat2": system("iiii", func(c *call) (int, error) {
		return c.chmod(c.i32(0), c.mem.path(c.u32(1)), c.u32(2), c.u32(3)&atNoFollow == 0)
	}),
	"__syscall_chown32": system("iii",
		func(c *call) (int, error) { return c.exists(c.p.abs(c.mem.path(c.u32(0))), true) }),
	"__syscall_lchown32": system("iii",
		func(c *call) (int, error) { return c.exists(c.p.abs(c.mem.path(c.u32(0))), false) }),
	"__syscall_fchownat": system("iiiii", func(c *call) (int, error) {
		return c.exists(c.at(c.i32(0), c.mem.path(c.u32(1))), c.u32(4)&atNoFollow == 0)
	}),
	"__syscall_truncate64": system("ij", func(c *call) (int, error) {
		size := c.i64(1)
		return 0, c.p.fs.Change(c.p.abs(c.mem.path(c.u32(0))), true, vfs.Change{Size: &size})
	}),
	"__syscall_utimensat":  system("iiii", changeTimes),
	"__syscall_getdents64": system("iii", readDirectory),
}

func (c *call) chdir(name string) error {
	i, err := c.p.fs.Stat(name, true)
	if err != nil {
		return err
	}
	if !i.Mode.IsDir() {
		return vfs.ENOTDIR
	}
	dir, err := c.p.fs.RealPath(name)
	if err == nil {
		c.p.mu.Lock()
		c.p.dir = dir
		c.p.mu.Unlock()
	}
	return err
}

// putStatFS writes a struct statfs: a file system of which nothing is known but that there is room.
func (c *call) putStatFS(at uint32) {
	clear(c.mem.bytes(at, 88))
	c.mem.put32(at+4, 4096)
	for i, n := range []uint64{1 << 20, 1 << 19, 1 << 19, 1 << 20, 1 << 19} {
		c.mem.put64(at+8+8*uint32(i), n)
	}
	c.mem.put32(at+56, vfs.MaxName)
	c.mem.put32(at+60, 4096)
}

// Special values of utimensat's nanoseconds.
const (
	utimeNow  = 0x3fffffff
	utimeOmit = 0x3ffffffe
)

func changeTimes(c *call) (int, error) {
	now := c.p.config.now()
	times := [2]*time.Time{&now, &now}
	if at := c.u32(2); at != 0 {
		for i := range times {
			seconds, nanos := int64(c.mem.u64(at+16*uint32(i))), c.mem.u32(at+8+16*uint32(i))
			switch {
			case nanos == utimeNow:
			case nanos == utimeOmit:
				times[i] = nil
			case nanos >= 1e9:
				return 0, vfs.EINVAL
			default:
				t := time.Unix(seconds, int64(nanos))
				times[i] = &t
			}
		}
	}
	change := vfs.Change{Accessed: times[0], Modified: times[1]}
	name := ""
	if c.u32(1) != 0 {
		name = c.mem.path(c.u32(1))
	}
	if name == "" && c.i32(0) != atCwd {
		return 0, c.changeOpen(c.i32(0), change)
	}
	return 0, c.changePath(c.i32(0), name, c.u32(3)&atNoFollow == 0, change)
}

// direntSize is the size of struct dirent; names have room for 256 bytes in it.
const direntSize = 280

// readDirectory is getdents64. The position is an entry's number; 0 reads the directory again.
func readDirectory(c *call) (int, error) {
	d, err := c.p.files.get(c.i32(0))
	if err != nil {
		return 0, err
	}
	r, ok := d.what.(regular)
	if !ok || !r.file.Dir {
		return 0, vfs.ENOTDIR
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.position == 0 {
		list, err := c.p.fs.List(r.file.Path)
		if err != nil {
			return 0, err
		}
		d.entries = append([]vfs.Entry{{Name: ".", Ino: 1, Type: fs.ModeDir},
			{Name: "..", Ino: 1, Type: fs.ModeDir}}, list...)
	}
	if c.u32(2) < direntSize {
		return 0, vfs.EINVAL
	}
	written := uint32(0)
	for n := d.position / direntSize; n < int64(len(d.entries)) && written+
		direntSize <= c.u32(2); n++ {
		e, at := d.entries[n], c.u32(1)+written
		clear(c.mem.bytes(at, direntSize))
		d.position = (n + 1) * direntSize
		c.mem.put64(at, e.Ino)
		c.mem.put64(at+8, uint64(d.position))
		c.mem.put16(at+16, direntSize)
		c.mem.put8(at+18, byte(modeBits(e.Type)>>12))
		c.mem.put(at+19, append([]byte(e.Name), 0))
		written += direntSize
	}
	return int(written), nil
}
