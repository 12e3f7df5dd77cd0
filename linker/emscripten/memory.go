package emscripten

import (
	"bytes"
	"encoding/binary"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// memory is the program's memory as system calls use it. An address that is not in it is a panic
// with vfs.EFAULT, which becomes the result of the system call.
type memory struct{ l *linker.Linker }

// bytes returns memory to look at and to write into, until the guest runs again.
func (m memory) bytes(address, n uint32) []byte {
	b, ok := m.l.View(address, n)
	if !ok {
		panic(vfs.EFAULT)
	}
	return b
}

func (m memory) u16(address uint32) uint16 {
	return binary.LittleEndian.Uint16(m.bytes(address, 2))
}
func (m memory) u32(address uint32) uint32 {
	return binary.LittleEndian.Uint32(m.bytes(address, 4))
}
func (m memory) u64(address uint32) uint64 {
	return binary.LittleEndian.Uint64(m.bytes(address, 8))
}
func (m memory) put8(address uint32, v byte) { m.bytes(address, 1)[0] = v }
func (m memory) put16(address uint32, v uint16) {
	binary.LittleEndian.PutUint16(m.bytes(address, 2), v)
}
func (m memory) put32(address uint32, v uint32) {
	binary.LittleEndian.PutUint32(m.bytes(address, 4), v)
}
func (m memory) put64(address uint32, v uint64) {
	binary.LittleEndian.PutUint64(m.bytes(address, 8), v)
}
func (m memory) put(address uint32, data []byte) { copy(m.bytes(address, uint32(len(data))), data) }

// maxString is how long a string of the guest may be that is a path, a name or a message.
const maxString = 1 << 20

// text reads a C string.
func (m memory) text(address uint32) string {
	var s []byte
	for step := uint32(64); len(s) <= maxString; {
		b, ok := m.l.View(address, step)
		if !ok {
			if step == 1 {
				panic(vfs.EFAULT)
			}
			step = 1
			continue
		}
		if i := bytes.IndexByte(b, 0); i >= 0 {
			return string(append(s, b[:i]...))
		}
		s = append(s, b...)
		if address > 1<<32-1-step {
			panic(vfs.EFAULT)
		}
		address += step
	}
	panic(vfs.ENAMETOOLONG)
}

func (m memory) path(address uint32) string {
	s := m.text(address)
	if len(s) > vfs.MaxPath {
		panic(vfs.ENAMETOOLONG)
	}
	return s
}
