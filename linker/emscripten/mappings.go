package emscripten

import (
	"io"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// Numbers of mmap.
const (
	mapPrivate = 2
	protWrite  = 2
	mapAlign   = 65536
)

// mappingCalls are mmap of files: a copy, which shared mappings write back when they are unmapped
// or synchronised.
var mappingCalls = map[string]function{
	"_mmap_js": system("iiiijii", func(c *call) (int, error) {
		length, offset := c.u32(0), c.i64(4)
		r, err := c.regular(c.i32(3))
		switch {
		case err == vfs.EINVAL || err == nil && r.file.Dir:
			return 0, vfs.ENODEV
		case err != nil:
			return 0, err
		case offset < 0 || length == 0 || length > 1<<32-1-mapAlign:
			return 0, vfs.EINVAL
		}
		room := (length + mapAlign - 1) &^ (mapAlign - 1)
		at, found := c.oneOf([]string{"emscripten_builtin_memalign", "memalign", "aligned_alloc"},
			mapAlign, uint64(room))
		if !found || uint32(at) == 0 {
			return 0, vfs.ENOMEM
		}
		b := c.mem.bytes(uint32(at), room)
		n, err := r.file.ReadAt(b[:length], offset)
		if err != nil && err != io.EOF {
			return 0, err
		}
		clear(b[n:])
		c.mem.put32(c.u32(5), 1)
		c.mem.put32(c.u32(6), uint32(at))
		return 0, nil
	}),
	"_munmap_js": system("iiiiij", func(c *call) (int, error) {
		if c.u32(2)&protWrite == 0 {
			return 0, nil
		}
		return 0, c.writeBack(c.u32(0), c.u32(1), c.u32(3), c.i32(4), c.i64(5))
	}),
	"_msync_js": system("iiiiij", func(c *call) (int, error) {
		return 0, c.writeBack(c.u32(0), c.u32(1), c.u32(3), c.i32(4), c.i64(5))
	}),
}

// writeBack writes what the program has changed in a shared mapping.
func (c *call) writeBack(at, length, flags uint32, fd int32, offset int64) error {
	if flags&mapPrivate != 0 {
		return nil
	}
	r, err := c.regular(fd)
	if err != nil {
		return err
	}
	info, err := r.file.Stat()
	if err != nil || offset < 0 || offset >= info.Size {
		return err
	}
	_, err = r.file.WriteAt(c.mem.bytes(at, uint32(min(int64(length), info.Size-offset))), offset)
	return err
}
