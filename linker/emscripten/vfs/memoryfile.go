package vfs

import "io"

// memoryHandle is an open file in memory.
type memoryHandle struct {
	m      *memory
	n      *node
	flags  OpenFlags
	closed bool // guarded by m.mu
}

func (h *memoryHandle) ReadAt(p []byte, offset int64) (int, error) {
	h.m.mu.RLock()
	defer h.m.mu.RUnlock()
	switch {
	case h.closed || h.flags&Read == 0:
		return 0, EBADF
	case offset < 0:
		return 0, EINVAL
	case offset >= int64(len(h.n.data)):
		return 0, io.EOF
	}
	n := copy(p, h.n.data[offset:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (h *memoryHandle) WriteAt(p []byte, offset int64) (int, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	return h.write(p, offset)
}

func (h *memoryHandle) Append(p []byte) (int64, error) {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	n, err := h.write(p, int64(len(h.n.data)))
	if err != nil || n == 0 {
		return 0, err
	}
	return int64(len(h.n.data)), nil
}

func (h *memoryHandle) write(p []byte, offset int64) (int, error) {
	end := offset + int64(len(p))
	switch {
	case h.closed || h.flags&Write == 0:
		return 0, EBADF
	case offset < 0 || end < 0:
		return 0, EINVAL
	case len(p) == 0:
		return 0, nil
	}
	if end > int64(len(h.n.data)) {
		if err := h.m.resize(h.n, end); err != nil {
			return 0, err
		}
	}
	h.n.touch()
	return copy(h.n.data[offset:], p), nil
}

func (h *memoryHandle) Stat() (Info, error) {
	h.m.mu.RLock()
	defer h.m.mu.RUnlock()
	if h.closed {
		return Info{}, EBADF
	}
	return h.n.stat(), nil
}

func (h *memoryHandle) Change(c Change) error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.closed || c.Size != nil && h.flags&Write == 0 {
		return EBADF
	}
	if err := c.check(h.n.info.Mode); err != nil {
		return err
	}
	return h.m.changeNode(h.n, c)
}

func (h *memoryHandle) Sync() error { return nil }

func (h *memoryHandle) Close() error {
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	if h.closed {
		return EBADF
	}
	h.closed = true
	h.n.open--
	h.m.forget(h.n)
	return nil
}
