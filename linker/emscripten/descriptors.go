package emscripten

import (
	"io"
	"sync"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// descriptors are a program's open files by number.
type descriptors struct {
	mu   sync.Mutex
	most int
	open map[int32]*description
}

// description is what one or more descriptors are open on: what dup copies shares it, and with it
// the position.
type description struct {
	what  stream
	flags uint32 // O_ACCMODE, O_APPEND, O_NONBLOCK

	mu       sync.Mutex
	position int64
	entries  []vfs.Entry // of a directory, from its first reading on

	users int // descriptors; guarded by descriptors.mu
}

// stream is what can be open.
type stream interface {
	read(c *call, d *description, p []byte) (int, error)
	write(c *call, d *description, p []byte) (int, error)
	stat() (vfs.Info, error)
	// events says for what poll need not wait: pollIn, pollOut, pollHup.
	events() uint16
	close()
}

// begin opens the standard streams.
func (f *descriptors) begin(c *Config) {
	f.most, f.open = c.maxFiles, map[int32]*description{}
	for i, s := range []*standard{{r: c.stdin}, {w: c.stdout}, {w: c.stderr}} {
		flags := uint32(oWrOnly)
		if i == 0 {
			flags = oRdOnly
		}
		f.open[int32(i)] = &description{what: s, flags: flags, users: 1}
	}
}

// get finds what a descriptor is open on.
func (f *descriptors) get(fd int32) (*description, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.open[fd]; d != nil {
		return d, nil
	}
	return nil, vfs.EBADF
}

// add gives a description the lowest number that is free, from a number on.
func (f *descriptors) add(d *description, from int32) (int32, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case from < 0 || int(from) >= f.most:
		return 0, vfs.EINVAL
	case len(f.open) >= f.most:
		return 0, vfs.EMFILE
	}
	fd := from
	for f.open[fd] != nil {
		fd++
	}
	if int(fd) >= f.most {
		return 0, vfs.EMFILE
	}
	d.users++
	f.open[fd] = d
	return fd, nil
}

// put makes a number one of a description, whatever it was before.
func (f *descriptors) put(d *description, fd int32) error {
	f.mu.Lock()
	if fd < 0 || int(fd) >= f.most {
		f.mu.Unlock()
		return vfs.EBADF
	}
	old := f.open[fd]
	d.users++
	f.open[fd] = d
	last := old != nil && f.left(old)
	f.mu.Unlock()
	if last {
		old.what.close()
	}
	return nil
}

// left takes a number away from a description, and reports whether it was the last one.
func (f *descriptors) left(d *description) bool {
	d.users--
	return d.users == 0
}

func (f *descriptors) close(fd int32) error {
	f.mu.Lock()
	d := f.open[fd]
	if d == nil {
		f.mu.Unlock()
		return vfs.EBADF
	}
	delete(f.open, fd)
	last := f.left(d)
	f.mu.Unlock()
	if last {
		d.what.close()
	}
	return nil
}

// closeAll closes what is open when the program ends.
func (f *descriptors) closeAll() {
	f.mu.Lock()
	open := f.open
	f.open = map[int32]*description{}
	f.mu.Unlock()
	for _, d := range open {
		f.mu.Lock()
		last := f.left(d)
		f.mu.Unlock()
		if last {
			d.what.close()
		}
	}
}

type standard struct {
	mu sync.Mutex
	r  io.Reader
	w  io.Writer
}

func (s *standard) read(c *call, _ *description, p []byte) (n int, err error) {
	if s.w != nil {
		return 0, vfs.EBADF
	}
	if s.r == nil || len(p) == 0 {
		return 0, nil
	}
	s.wait(c, func() { n, err = s.r.Read(p) })
	if n > 0 || err == io.EOF {
		err = nil
	}
	return n, err
}

func (s *standard) write(c *call, _ *description, p []byte) (n int, err error) {
	if s.w == nil {
		return 0, vfs.EBADF
	}
	s.wait(c, func() { n, err = s.w.Write(p) })
	return n, err
}

// wait does what may take its time, so that nothing waits for the group meanwhile.
func (s *standard) wait(c *call, f func()) {
	err := c.g.Block(c.ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		f()
	})
	if err != nil {
		panic(err)
	}
}

func (s *standard) stat() (vfs.Info, error) { return device(1), nil }
func (s *standard) close()                  {}
func (s *standard) events() uint16 {
	if s.w != nil {
		return pollOut
	}
	return pollIn
}

// regular is an open file or directory of the file system.
type regular struct{ file *vfs.File }

func (r regular) read(_ *call, d *description, p []byte) (int, error) {
	if d.flags&oAccess == oWrOnly {
		return 0, vfs.EBADF
	}
	n, err := r.file.ReadAt(p, d.position)
	d.position += int64(n)
	if err == io.EOF || n > 0 {
		err = nil
	}
	return n, err
}

func (r regular) write(_ *call, d *description, p []byte) (int, error) {
	if d.flags&oAccess == oRdOnly {
		return 0, vfs.EBADF
	}
	if d.flags&oAppend != 0 {
		end, err := r.file.Append(p)
		if err != nil {
			return 0, err
		}
		d.position = end
		return len(p), nil
	}
	n, err := r.file.WriteAt(p, d.position)
	d.position += int64(n)
	return n, err
}

func (r regular) stat() (vfs.Info, error) { return r.file.Stat() }
func (r regular) events() uint16          { return pollIn | pollOut }
func (r regular) close()                  { _ = r.file.Close() }
