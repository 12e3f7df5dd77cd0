package guest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker"
)

// ErrMemory means that the guest's malloc had no memory.
var ErrMemory = errors.New("guest: out of memory")

// AddressError says that a C pointer does not point into the memory.
type AddressError struct{ Address, Size uint32 }

// Error implements the error interface.
func (e *AddressError) Error() string {
	return fmt.Sprintf("guest: %d bytes at address %#x are not inside the memory", e.Size,
		e.Address)
}

// Thread is one instance group of an image. It is safe for concurrent use, but one call at a time
// runs in it; different threads run at once.
type Thread struct {
	*linker.Group

	image     *Image
	functions *linker.Library
}

// Call calls a C function of the library, or of what that needs, whose parameters are integers of
// at most 32 bits and pointers. It returns the function's result, 0 if that is void.
func (t *Thread) Call(ctx context.Context, name string, args ...uint32) (uint32, error) {
	wide := make([]uint64, len(args))
	for i, a := range args {
		wide[i] = uint64(a)
	}
	return t.CallWide(ctx, name, wide...)
}

// CallWide calls a C function some of whose parameters have 64 bits.
func (t *Thread) CallWide(ctx context.Context, name string, args ...uint64) (uint32, error) {
	results, err := t.Group.Call(ctx, t.functions, name, args...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return uint32(results[0]), nil
}

// Libc calls a function of the main module: malloc, free, fflush.
func (t *Thread) Libc(ctx context.Context, name string, args ...uint64) (uint32, error) {
	results, err := t.Group.Call(ctx, linker.Default, name, args...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return uint32(results[0]), nil
}

// Alloc is malloc. The bytes are whatever they are.
func (t *Thread) Alloc(ctx context.Context, size uint32) (uint32, error) {
	p, err := t.Libc(ctx, "malloc", uint64(size))
	if err == nil && p == 0 {
		err = fmt.Errorf("%w: %d bytes", ErrMemory, size)
	}
	return p, err
}

// Free is free.
func (t *Thread) Free(ctx context.Context, p uint32) error {
	_, err := t.Libc(ctx, "free", uint64(p))
	return err
}

// CString returns a copy of s for C, to be freed.
func (t *Thread) CString(ctx context.Context, s string) (uint32, error) {
	size := uint32(len(s)) + 1
	p, err := t.Alloc(ctx, size)
	if err != nil {
		return 0, err
	}
	b, err := t.Bytes(p, size)
	if err != nil {
		return 0, err
	}
	b[copy(b, s)] = 0
	return p, nil
}

// Bytes returns the memory at an address, not a copy. It is valid until the image is closed.
func (t *Thread) Bytes(address, size uint32) ([]byte, error) {
	b, ok := t.image.linker.View(address, size)
	if !ok {
		return nil, &AddressError{address, size}
	}
	return b, nil
}

// chunk is how many bytes of a string are looked at at once. It divides the size of a page of
// memory, so a chunk that begins at a multiple of it is inside the memory, or outside.
const chunk = 256

// String returns a copy of C's string at an address. The null pointer's is "".
func (t *Thread) String(address uint32) (string, error) {
	if address == 0 {
		return "", nil
	}
	var text []byte
	for {
		n := chunk - address%chunk
		b, err := t.Bytes(address, n)
		if err != nil {
			return "", err
		}
		if end := bytes.IndexByte(b, 0); end >= 0 {
			return string(append(text, b[:end]...)), nil
		}
		text = append(text, b...)
		address += n
	}
}

// Uint32 reads a word, a pointer for instance.
func (t *Thread) Uint32(address uint32) (uint32, error) {
	b, err := t.Bytes(address, 4)
	if err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint32(b), nil
}

// PutUint32 writes a word.
func (t *Thread) PutUint32(address, value uint32) error {
	b, err := t.Bytes(address, 4)
	if err != nil {
		return err
	}
	binary.LittleEndian.PutUint32(b, value)
	return nil
}

// In returns the thread as which a group runs, for a host function that was called from there.
func (t *Thread) In(g *linker.Group) *Thread {
	return &Thread{Group: g, image: t.image, functions: t.functions}
}
