package emscripten

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// The devices that every program has, whatever its file system is.
const (
	devNull = iota + 1
	devZero
	devRandom
)

var devices = map[string]int{"/dev/null": devNull, "/dev/zero": devZero, "/dev/random": devRandom,
	"/dev/urandom": devRandom}

type deviceStream struct{ kind int }

// deviceOf finds the device at a path, or the descriptor that a path like /dev/stdin means; -1 when
// it means none.
func deviceOf(name string) (kind int, fd int32) {
	name = path.Clean(name)
	if kind = devices[name]; kind != 0 {
		return kind, -1
	}
	switch name {
	case "/dev/stdin":
		return 0, 0
	case "/dev/stdout", "/dev/tty":
		return 0, 1
	case "/dev/stderr":
		return 0, 2
	}
	for _, dir := range []string{"/dev/fd/", "/proc/self/fd/"} {
		if s, ok := strings.CutPrefix(name, dir); ok {
			if n, err := strconv.ParseUint(s, 10, 31); err == nil {
				return 0, int32(n)
			}
		}
	}
	return 0, -1
}

// device is what stat tells of a device.
func device(ino uint64) vfs.Info {
	t := time.Unix(0, 0)
	return vfs.Info{Ino: 1<<62 + ino, Mode: fs.ModeDevice | fs.ModeCharDevice | 0o666, Links: 1,
		Accessed: t, Modified: t, Changed: t}
}

func (s deviceStream) read(c *call, _ *description, p []byte) (int, error) {
	switch s.kind {
	case devNull:
		return 0, nil
	case devRandom:
		return len(p), c.p.fill(p)
	}
	clear(p)
	return len(p), nil
}

func (s deviceStream) write(_ *call, _ *description, p []byte) (int, error) { return len(p), nil }
func (s deviceStream) stat() (vfs.Info, error) {
	return device(uint64(s.kind) + 1), nil
}
func (s deviceStream) events() uint16 {
	return pollIn | pollOut
}
func (s deviceStream) close() {}

// maxPipe is how much a pipe holds.
const maxPipe = 1 << 20

// pipe is what two descriptors share. A program with one thread cannot wait for itself: what would
// wait is EAGAIN.
type pipe struct {
	mu               sync.Mutex
	data             []byte
	readers, writers int // ends that are open
}

type pipeEnd struct {
	*pipe
	writes bool
}

func newPipe() (r, w pipeEnd) {
	p := &pipe{readers: 1, writers: 1}
	return pipeEnd{p, false}, pipeEnd{p, true}
}

func (e pipeEnd) read(_ *call, _ *description, p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.writes:
		return 0, vfs.EBADF
	case len(e.data) == 0 && e.writers > 0 && len(p) > 0:
		return 0, vfs.EAGAIN
	}
	n := copy(p, e.data)
	e.data = e.data[n:]
	return n, nil
}

func (e pipeEnd) write(_ *call, _ *description, p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !e.writes:
		return 0, vfs.EBADF
	case e.readers == 0:
		return 0, vfs.EPIPE
	case len(e.data) >= maxPipe && len(p) > 0:
		return 0, vfs.EAGAIN
	}
	n := min(len(p), maxPipe-len(e.data))
	e.data = append(e.data, p[:n]...)
	return n, nil
}

func (e pipeEnd) stat() (vfs.Info, error) {
	now := time.Unix(0, 0)
	return vfs.Info{Ino: 2, Mode: fs.ModeNamedPipe | 0o600, Links: 1, Accessed: now, Modified: now,
		Changed: now}, nil
}

func (e pipeEnd) events() (ready uint16) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writes {
		if e.readers == 0 {
			return pollErr
		}
		return pollOut
	}
	if len(e.data) > 0 {
		ready |= pollIn
	}
	if e.writers == 0 {
		ready |= pollHup
	}
	return ready
}

func (e pipeEnd) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writes {
		e.writers--
	} else {
		e.readers--
	}
}
