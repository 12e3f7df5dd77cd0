package emscripten

import (
	"io/fs"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// Flags and numbers of Emscripten's musl: arch/generic/bits/fcntl.h, include/fcntl.h,
// include/poll.h.
const (
	oRdOnly    = 0
	oWrOnly    = 1
	oRdWr      = 2
	oAccess    = 3
	oCreat     = 0o100
	oExcl      = 0o200
	oTrunc     = 0o1000
	oAppend    = 0o2000
	oNonBlock  = 0o4000
	oDirectory = 0o200000
	oNoFollow  = 0o400000

	atCwd       = -100
	atNoFollow  = 0x100
	atRemoveDir = 0x200
	atFollow    = 0x400
	atEmptyPath = 0x1000

	fDupFD        = 0
	fGetFD        = 1
	fSetFD        = 2
	fGetFL        = 3
	fSetFL        = 4
	fGetLk        = 5
	fSetLk        = 6
	fSetLkW       = 7
	fGetLk64      = 12
	fSetLk64      = 13
	fSetLkW64     = 14
	fDupFDCloExec = 1030
	fUnlocked     = 2 // F_UNLCK

	tcGets, fionread = 0x5401, 0x541b

	pollIn, pollOut, pollErr, pollHup, pollNval = 1, 4, 8, 16, 32
)

// at finds the path that a directory's descriptor and a path mean.
func (c *call) at(fd int32, name string) string {
	if name == "" || name[0] == '/' || fd == atCwd {
		return c.p.abs(name)
	}
	d, err := c.p.files.get(fd)
	if err != nil {
		panic(vfs.EBADF)
	}
	r, ok := d.what.(regular)
	if !ok || !r.file.Dir {
		panic(vfs.ENOTDIR)
	}
	return r.file.Path + "/" + name
}

// open opens a path, and returns a descriptor.
func (c *call) open(name string, flags, mode uint32) (int, error) {
	kind, fd := deviceOf(name)
	var what stream
	switch {
	case fd >= 0:
		d, err := c.p.files.get(fd)
		if err != nil {
			return 0, vfs.ENOENT
		}
		fd, err := c.p.files.add(d, 0)
		return int(fd), err
	case kind != 0:
		what = deviceStream{kind}
	default:
		how := []vfs.OpenFlags{vfs.Read, vfs.Write, vfs.Read | vfs.Write, vfs.Read}[flags&oAccess]
		for _, x := range []struct {
			flag uint32
			how  vfs.OpenFlags
		}{{oCreat, vfs.Create}, {oExcl, vfs.Exclusive}, {oTrunc, vfs.Truncate},
			{oDirectory, vfs.Directory}, {oNoFollow, vfs.NoFollow}} {
			if flags&x.flag != 0 {
				how |= x.how
			}
		}
		file, err := c.p.fs.Open(name, how, fs.FileMode(mode&^c.p.umask())&fs.ModePerm)
		if err != nil {
			return 0, err
		}
		what = regular{file}
	}
	n, err := c.p.files.add(&description{what: what,
		flags: flags & (oAccess | oAppend | oNonBlock)}, 0)
	if err != nil {
		what.close()
	}
	return int(n), err
}

func (p *Program) umask() uint32 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mask
}

// vararg reads the argument of a variadic system call.
func (c *call) vararg(i int) uint32 {
	if c.u32(i) == 0 {
		return 0
	}
	return c.mem.u32(c.u32(i))
}

// fileCalls are the system calls about open files.
var fileCalls = map[string]function{
	"__syscall_openat": system("iiii", func(c *call) (int, error) {
		mode := uint32(0)
		if c.u32(2)&oCreat != 0 {
			mode = c.vararg(3)
		}
		return c.open(c.at(c.i32(0), c.mem.path(c.u32(1))), c.u32(2), mode)
	}),
	"__syscall_open": system("iii", func(c *call) (int, error) {
		return c.open(c.p.abs(c.mem.path(c.u32(0))), c.u32(1), c.vararg(2))
	}),
	"__syscall_dup": system("i", func(c *call) (int, error) {
		d, err := c.p.files.get(c.i32(0))
		if err != nil {
			return 0, err
		}
		fd, err := c.p.files.add(d, 0)
		return int(fd), err
	}),
	"__syscall_dup3": system("iii", func(c *call) (int, error) {
		d, err := c.p.files.get(c.i32(0))
		switch {
		case err != nil:
			return 0, err
		case c.i32(0) == c.i32(1):
			return 0, vfs.EINVAL
		}
		return int(c.i32(1)), c.p.files.put(d, c.i32(1))
	}),
	"__syscall_fcntl64": system("iii", control),
	"__syscall_fcntl":   system("iii", control),
	"__syscall_ioctl":   system("iii", terminal),
	"__syscall_pipe2":   system("ii", pipes),
	"__syscall_pipe":    system("i", pipes),
	"__syscall_poll":    system("iii", poll),
	"__syscall_fadvise64": system("ijji", func(c *call) (int, error) {
		_, err := c.p.files.get(c.i32(0))
		return 0, err
	}),
	"__syscall_fdatasync": system("i", func(c *call) (int, error) { return 0, c.sync(c.i32(0)) }),
	"__syscall_fsync":     system("i", func(c *call) (int, error) { return 0, c.sync(c.i32(0)) }),
	"__syscall_sync":      constant("", 0),
	"__syscall_ftruncate64": system("ij", func(c *call) (int, error) {
		size := c.i64(1)
		return 0, c.changeOpen(c.i32(0), vfs.Change{Size: &size})
	}),
	"__syscall_fallocate": system("iijj", func(c *call) (int, error) {
		r, err := c.regular(c.i32(0))
		if err != nil {
			return 0, err
		}
		info, err := r.file.Stat()
		end := c.i64(2) + c.i64(3)
		switch {
		case err != nil:
			return 0, err
		case c.i32(1) != 0:
			return 0, vfs.ENOTSUP
		case c.i64(2) < 0 || c.i64(3) <= 0 || end < 0:
			return 0, vfs.EINVAL
		case end <= info.Size:
			return 0, nil
		}
		return 0, r.file.Change(vfs.Change{Size: &end})
	}),
	"__syscall_fchmod": system("ii", func(c *call) (int, error) {
		perm := fs.FileMode(c.u32(1)) & fs.ModePerm
		return 0, c.changeOpen(c.i32(0), vfs.Change{Perm: &perm})
	}),
	"__syscall_fchown32": system("iii", func(c *call) (int, error) {
		_, err := c.p.files.get(c.i32(0))
		return 0, err
	}),
}

// regular finds the file that a descriptor is open on.
func (c *call) regular(fd int32) (regular, error) {
	d, err := c.p.files.get(fd)
	if err != nil {
		return regular{}, err
	}
	r, ok := d.what.(regular)
	if !ok {
		return regular{}, vfs.EINVAL
	}
	return r, nil
}

func (c *call) changeOpen(fd int32, change vfs.Change) error {
	r, err := c.regular(fd)
	if err != nil {
		return err
	}
	return r.file.Change(change)
}

func (c *call) sync(fd int32) error {
	d, err := c.p.files.get(fd)
	if err != nil {
		return err
	}
	if r, ok := d.what.(regular); ok {
		return r.file.Sync()
	}
	return nil
}

// control is fcntl.
func control(c *call) (int, error) {
	d, err := c.p.files.get(c.i32(0))
	if err != nil {
		return 0, err
	}
	switch c.i32(1) {
	case fDupFD, fDupFDCloExec:
		fd, err := c.p.files.add(d, int32(c.vararg(2)))
		return int(fd), err
	case fGetFD, fSetFD, fSetLk, fSetLkW, fSetLk64, fSetLkW64: // no other process could have a lock
		return 0, nil
	case fGetFL:
		d.mu.Lock()
		defer d.mu.Unlock()
		return int(d.flags), nil
	case fSetFL:
		d.mu.Lock()
		defer d.mu.Unlock()
		d.flags = d.flags&oAccess | c.vararg(2)&(oAppend|oNonBlock)
		return 0, nil
	case fGetLk, fGetLk64:
		c.mem.put16(c.vararg(2), fUnlocked)
		return 0, nil
	}
	return 0, vfs.EINVAL
}

// terminal is ioctl: nothing here is a terminal.
func terminal(c *call) (int, error) {
	d, err := c.p.files.get(c.i32(0))
	if err != nil {
		return 0, err
	}
	if c.i32(1) == fionread {
		if e, ok := d.what.(pipeEnd); ok {
			e.mu.Lock()
			defer e.mu.Unlock()
			c.mem.put32(c.vararg(2), uint32(len(e.data)))
			return 0, nil
		}
	}
	return 0, vfs.ENOTTY
}

func pipes(c *call) (int, error) {
	r, w := newPipe()
	c.mem.bytes(c.u32(0), 8)
	from, err := c.p.files.add(&description{what: r, flags: oRdOnly}, 0)
	if err != nil {
		return 0, err
	}
	to, err := c.p.files.add(&description{what: w, flags: oWrOnly}, 0)
	if err != nil {
		_ = c.p.files.close(from)
		return 0, err
	}
	c.mem.put32(c.u32(0), uint32(from))
	c.mem.put32(c.u32(0)+4, uint32(to))
	return 0, nil
}

// poll never waits: what is not ready in a program with one thread stays so.
func poll(c *call) (int, error) {
	if int(c.u32(1)) > c.p.config.maxFiles {
		return 0, vfs.EINVAL
	}
	ready := 0
	for i := range c.u32(1) {
		at := c.u32(0) + 8*i
		fd, wanted, got := int32(c.mem.u32(at)), c.mem.u16(at+4), uint16(0)
		if fd >= 0 {
			if d, err := c.p.files.get(fd); err != nil {
				got = pollNval
			} else {
				got = d.what.events() & (wanted | pollErr | pollHup)
			}
		}
		c.mem.put16(at+6, got)
		if got != 0 {
			ready++
		}
	}
	return ready, nil
}
