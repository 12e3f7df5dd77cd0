package emscripten

import (
	"io/fs"
	"sync"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

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
