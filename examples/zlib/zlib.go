package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
)

// zlib's constants, and where the fields of its z_stream are: 56 bytes on wasm32.
const (
	zNoFlush  = 0
	zFinish   = 4
	zOK       = 0
	zEnd      = 1
	zBufError = -5

	streamSize = 56
	nextIn     = 0
	availIn    = 4
	nextOut    = 12
	availOut   = 16
	message    = 24

	bufferSize = 64 << 10
)

// Error is a refusal of zlib's.
type Error struct {
	Function string // for instance "inflate"
	Code     int32  // Z_DATA_ERROR (-3) and so on
	Message  string // what zlib says; may be empty
}

// Error implements the error interface.
func (e *Error) Error() string {
	return fmt.Sprintf("zlib: %s: code %d: %s", e.Function, e.Code, e.Message)
}

// coder is a z_stream in the guest's memory, with a buffer on each side of it.
type coder struct {
	*guest.Thread
	function string // "deflate" or "inflate"
	stream   uint32
	in, out  uint32
}

// compress writes what it reads as a zlib stream (RFC 1950). level is from 0, stored, to 9,
// smallest; -1 is zlib's choice.
func compress(ctx context.Context, t *guest.Thread, dst io.Writer, src io.Reader, level int) error {
	return run(ctx, t, "deflate", []uint32{uint32(level)}, dst, src)
}

// decompress reads one zlib stream, and ignores what comes after it.
func decompress(ctx context.Context, t *guest.Thread, dst io.Writer, src io.Reader) error {
	return run(ctx, t, "inflate", nil, dst, src)
}

// run makes a coder, uses it and takes it away. args are what the function's Init takes behind the
// stream.
func run(ctx context.Context, t *guest.Thread, function string, args []uint32, dst io.Writer,
	src io.Reader) (err error) {
	c := &coder{Thread: t, function: function}
	if c.stream, err = t.Alloc(ctx, streamSize+2*bufferSize); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Free(ctx, c.stream)) }()
	c.in, c.out = c.stream+streamSize, c.stream+streamSize+bufferSize
	fields, err := t.Bytes(c.stream, streamSize)
	if err != nil {
		return err
	}
	clear(fields) // zlib allocates with malloc then
	version, err := t.Call(ctx, "zlibVersion")
	if err != nil {
		return err
	}
	// deflateInit and inflateInit are macros that add these two.
	args = append(append([]uint32{c.stream}, args...), version, streamSize)
	if err := c.check(t.Call(ctx, function+"Init_", args...)); err != nil {
		return err
	}
	defer func() {
		_, endErr := t.Call(ctx, function+"End", c.stream)
		err = errors.Join(err, endErr)
	}()
	return c.copy(ctx, dst, src)
}

// copy feeds the stream until it ends.
func (c *coder) copy(ctx context.Context, dst io.Writer, src io.Reader) error {
	in, err := c.Bytes(c.in, bufferSize)
	if err != nil {
		return err
	}
	flush := uint32(zNoFlush)
	for {
		left, err := c.Uint32(c.stream + availIn)
		if err != nil {
			return err
		}
		if left == 0 && flush == zNoFlush {
			n, err := io.ReadFull(src, in)
			switch {
			case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
				flush = zFinish
			case err != nil:
				return err
			}
			if err := errors.Join(c.PutUint32(c.stream+nextIn, c.in),
				c.PutUint32(c.stream+availIn, uint32(n))); err != nil {
				return err
			}
		}
		end, err := c.step(ctx, dst, flush)
		if err != nil || end {
			return err
		}
	}
}

// step calls deflate or inflate once and writes what comes out. It reports whether the stream has
// ended.
func (c *coder) step(ctx context.Context, dst io.Writer, flush uint32) (end bool, err error) {
	if err := errors.Join(c.PutUint32(c.stream+nextOut, c.out),
		c.PutUint32(c.stream+availOut, bufferSize)); err != nil {
		return false, err
	}
	code, err := c.Call(ctx, c.function, c.stream, flush)
	if err != nil {
		return false, err
	}
	free, err := c.Uint32(c.stream + availOut)
	if err != nil {
		return false, err
	}
	out, err := c.Bytes(c.out, bufferSize-free)
	if err != nil {
		return false, err
	}
	if _, err := dst.Write(out); err != nil {
		return false, err
	}
	switch {
	case int32(code) == zEnd:
		return true, nil
	case int32(code) == zBufError && flush == zFinish && c.function == "inflate" &&
		free == bufferSize:
		return false, io.ErrUnexpectedEOF // it wants more, and there is none
	case int32(code) == zBufError:
		return false, nil // nothing could be done this time; no error by zlib's definition
	}
	return false, c.check(code, nil)
}

// check makes an error of what a function of zlib's returned.
func (c *coder) check(code uint32, err error) error {
	if err != nil || code == zOK {
		return err
	}
	text := ""
	if p, err := c.Uint32(c.stream + message); err == nil {
		text, _ = c.String(p)
	}
	return &Error{Function: c.function, Code: int32(code), Message: text}
}
