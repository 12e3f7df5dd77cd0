// Package cabi speaks C with guests: strings and structs in their memory, and C functions as Go
// functions. It knows the ABI of C for wasm32
// (https://github.com/WebAssembly/tool-conventions/blob/main/BasicCABI.md) as far as values that
// are passed as they are go: integers, floats, pointers; a struct is passed by its address.
//
//	add, err := cabi.Bind[func(context.Context, int32, int32) (int32, error)](ctx, group, lib, "add")
//	sum, err := add(ctx, 2, 3)
//
// [NewCallback] is the other way round: a Go function that C calls through a function pointer, for
// qsort for instance.
//
// What is allocated is allocated by the guest's malloc, which the main module must export.
//
// Memory that other threads of the guest write at the same time may be read half-way, as in C.
package cabi

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker"
)

// Pointer is an address in the guest's memory; 0 is the null pointer.
type Pointer uint32

// ErrMemory means that the guest's malloc returned the null pointer.
var ErrMemory = errors.New("cabi: the guest has no memory left")

// AddressError says that something does not lie in the guest's memory.
type AddressError struct {
	Address Pointer
	Size    uint32 // bytes; 0 for a string whose end is not in the memory
}

// Error implements the error interface.
func (e *AddressError) Error() string {
	if e.Size == 0 {
		return fmt.Sprintf("cabi: the string at %#x has no end in the memory", uint32(e.Address))
	}
	return fmt.Sprintf("cabi: %d bytes at %#x are not in the memory", e.Size, uint32(e.Address))
}

// Bytes returns a copy of what is in the memory.
func Bytes(g *linker.Group, at Pointer, size uint32) ([]byte, error) {
	view, ok := g.Memory().Read(uint32(at), size)
	if !ok {
		return nil, &AddressError{at, max(size, 1)}
	}
	return bytes.Clone(view), nil
}

// Put writes bytes into the memory.
func Put(g *linker.Group, at Pointer, data []byte) error {
	if !g.Memory().Write(uint32(at), data) {
		return &AddressError{at, max(uint32(len(data)), 1)}
	}
	return nil
}

// stringBlock is how much of a string is looked at at once, in bytes.
const stringBlock = 1 << 12

// String returns the string that ends with the first null byte. The null pointer's is empty.
func String(g *linker.Group, at Pointer) (string, error) {
	if at == 0 {
		return "", nil
	}
	var text []byte
	size := g.Memory().Size()
	for next := uint64(at); next < uint64(size); {
		n := uint32(min(stringBlock, uint64(size)-next))
		view, ok := g.Memory().Read(uint32(next), n)
		if !ok {
			break
		}
		if end := bytes.IndexByte(view, 0); end >= 0 {
			return string(append(text, view[:end]...)), nil
		}
		text = append(text, view...)
		next += uint64(n)
	}
	return "", &AddressError{Address: at}
}

// Alloc allocates memory in the guest, which the caller has to Free. 0 bytes are the null pointer.
func Alloc(ctx context.Context, g *linker.Group, size uint32) (Pointer, error) {
	if size == 0 {
		return 0, nil
	}
	results, err := g.Call(ctx, linker.Default, "malloc", uint64(size))
	switch {
	case err != nil:
		return 0, err
	case len(results) != 1 || uint32(results[0]) == 0:
		return 0, fmt.Errorf("%w: %d bytes", ErrMemory, size)
	}
	return Pointer(results[0]), nil
}

// Free gives memory back that Alloc, or the guest's malloc, has given. The null pointer is nothing
// to free.
func Free(ctx context.Context, g *linker.Group, at Pointer) error {
	if at == 0 {
		return nil
	}
	_, err := g.Call(ctx, linker.Default, "free", uint64(at))
	return err
}

// NewBytes allocates memory with a copy of data.
func NewBytes(ctx context.Context, g *linker.Group, data []byte) (Pointer, error) {
	at, err := Alloc(ctx, g, uint32(len(data)))
	if err != nil {
		return 0, err
	}
	if err := Put(g, at, data); err != nil {
		return 0, errors.Join(err, Free(ctx, g, at))
	}
	return at, nil
}

// ErrNull means that a Go string has a null byte, with which a C string ends.
var ErrNull = errors.New("cabi: a string with a null byte")

// NewString allocates a C string.
func NewString(ctx context.Context, g *linker.Group, text string) (Pointer, error) {
	if bytes.IndexByte([]byte(text), 0) >= 0 {
		return 0, fmt.Errorf("%w: %q", ErrNull, text)
	}
	return NewBytes(ctx, g, append([]byte(text), 0))
}
