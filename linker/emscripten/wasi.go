package emscripten

import (
	"io"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// maxVectors is how many buffers one call may have: IOV_MAX.
const maxVectors = 1024

// vectors hands the buffers of a struct iovec to a function, until one is not used up, and returns
// how much was used. An error counts only if nothing was.
func (c *call) vectors(at, n uint32, use func(p []byte) (int, error)) (total uint32, err error) {
	if n > maxVectors {
		return 0, vfs.EINVAL
	}
	for i := range n {
		p := c.mem.bytes(c.mem.u32(at+8*i), c.mem.u32(at+8*i+4))
		if len(p) == 0 {
			continue
		}
		k, err := use(p)
		total += uint32(k)
		if err != nil && total == 0 {
			return 0, err
		}
		if err != nil || k < len(p) {
			break
		}
	}
	return total, nil
}

// transfer is fd_read and fd_write: bytes at the position.
func transfer(write bool) func(c *call) error {
	return func(c *call) error {
		d, err := c.p.files.get(c.i32(0))
		if err != nil {
			return err
		}
		c.mem.bytes(c.u32(3), 4)
		n, err := func() (uint32, error) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return c.vectors(c.u32(1), c.u32(2), func(p []byte) (int, error) {
				if write {
					return d.what.write(c, d, p)
				}
				return d.what.read(c, d, p)
			})
		}()
		if err == nil {
			c.mem.put32(c.u32(3), n)
		}
		return err
	}
}

// transferAt is fd_pread and fd_pwrite: bytes at an offset.
func transferAt(write bool) func(c *call) error {
	return func(c *call) error {
		d, err := c.p.files.get(c.i32(0))
		if err != nil {
			return err
		}
		r, ok := d.what.(regular)
		offset := c.i64(3)
		switch {
		case !ok:
			return vfs.ESPIPE
		case offset < 0:
			return vfs.EINVAL
		case write && d.flags&oAccess == oRdOnly || !write && d.flags&oAccess == oWrOnly:
			return vfs.EBADF
		}
		n, err := c.vectors(c.u32(1), c.u32(2), func(p []byte) (n int, err error) {
			if write {
				n, err = r.file.WriteAt(p, offset)
			} else if n, err = r.file.ReadAt(p, offset); err == io.EOF {
				err = nil
			}
			offset += int64(n)
			return n, err
		})
		if err == nil {
			c.mem.put32(c.u32(4), n)
		}
		return err
	}
}

func seek(c *call) error {
	d, err := c.p.files.get(c.i32(0))
	if err != nil {
		return err
	}
	r, ok := d.what.(regular)
	if !ok {
		return vfs.ESPIPE
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	to := c.i64(1)
	switch c.u32(2) {
	case 0:
	case 1:
		to += d.position
	case 2:
		info, err := r.file.Stat()
		if err != nil {
			return err
		}
		to += info.Size
	default:
		return vfs.EINVAL
	}
	if to < 0 {
		return vfs.EINVAL
	}
	c.mem.put64(c.u32(3), uint64(to))
	d.position = to
	return nil
}

// descriptorState is fd_fdstat_get.
func descriptorState(c *call) error {
	d, err := c.p.files.get(c.i32(0))
	if err != nil {
		return err
	}
	b := c.mem.bytes(c.u32(1), 24)
	clear(b)
	b[0] = 2 // a character device
	if r, ok := d.what.(regular); ok && r.file.Dir {
		b[0] = 3
	} else if ok {
		b[0] = 4
	}
	if d.flags&oAppend != 0 {
		b[2] |= 1
	}
	if d.flags&oNonBlock != 0 {
		b[2] |= 4
	}
	return nil
}

// sizes tells how many strings there are, and how much room they take.
func sizes(list func(p *Program) []string) func(c *call) error {
	return func(c *call) error {
		n := 0
		all := list(c.p)
		for _, s := range all {
			n += len(s) + 1
		}
		c.mem.put32(c.u32(0), uint32(len(all)))
		c.mem.put32(c.u32(1), uint32(n))
		return nil
	}
}

// texts writes them, and where each is.
func texts(list func(p *Program) []string) func(c *call) error {
	return func(c *call) error {
		at := c.u32(1)
		for i, s := range list(c.p) {
			c.mem.put32(c.u32(0)+4*uint32(i), at)
			c.mem.put(at, append([]byte(s), 0))
			at += uint32(len(s)) + 1
		}
		return nil
	}
}

func environment(p *Program) []string { return p.config.env }
func arguments(p *Program) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.args
}

// wasiFunctions are the functions of WASI that Emscripten's programs import.
var wasiFunctions = map[string]function{
	"fd_read":           wasi("iiii", transfer(false)),
	"fd_write":          wasi("iiii", transfer(true)),
	"fd_pread":          wasi("iiiji", transferAt(false)),
	"fd_pwrite":         wasi("iiiji", transferAt(true)),
	"fd_seek":           wasi("ijii", seek),
	"fd_fdstat_get":     wasi("ii", descriptorState),
	"fd_close":          wasi("i", func(c *call) error { return c.p.files.close(c.i32(0)) }),
	"fd_sync":           wasi("i", func(c *call) error { return c.sync(c.i32(0)) }),
	"environ_sizes_get": wasi("ii", sizes(environment)),
	"environ_get":       wasi("ii", texts(environment)),
	"args_sizes_get":    wasi("ii", sizes(arguments)),
	"args_get":          wasi("ii", texts(arguments)),
	"proc_exit":         {"i", func(c *call) uint64 { panic(&ExitError{Code: c.i32(0)}) }},
	"random_get": wasi("ii", func(c *call) error {
		return c.p.fill(c.mem.bytes(c.u32(0), c.u32(1)))
	}),
	"clock_time_get": wasi("iji", func(c *call) error {
		t, err := c.clock(c.u32(0))
		if err == nil {
			c.mem.put64(c.u32(2), uint64(t))
		}
		return err
	}),
	"clock_res_get": wasi("ii", func(c *call) error {
		_, err := c.clock(c.u32(0))
		if err == nil {
			c.mem.put64(c.u32(1), 1000)
		}
		return err
	}),
}

// fill fills p with random numbers.
func (p *Program) fill(b []byte) error {
	p.random.Lock()
	defer p.random.Unlock()
	_, err := io.ReadFull(p.config.random, b)
	return err
}

// clock reads a clock, in nanoseconds.
func (c *call) clock(id uint32) (int64, error) {
	now := c.p.config.now()
	switch id {
	case 0:
		return now.UnixNano(), nil
	case 1, 2, 3:
		return now.Sub(c.p.began).Nanoseconds(), nil
	}
	return 0, vfs.EINVAL
}
