package leb

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// Causes that an [Error] wraps.
var (
	// ErrTruncated means that the input ends before the value does.
	ErrTruncated = errors.New("unexpected end")
	// ErrOverlong means that an integer takes more bytes than its type allows.
	ErrOverlong = errors.New("integer representation too long")
	// ErrTooLarge means that an integer does not fit its type.
	ErrTooLarge = errors.New("integer too large")
	// ErrUTF8 means that a name is not valid UTF-8.
	ErrUTF8 = errors.New("malformed UTF-8")
)

// Error says what could not be read, and where.
type Error struct {
	Offset int    // byte offset in the outermost buffer
	Reason string // what was being read, and what is wrong with it
	Cause  error  // one of the sentinels of this package or of the caller; may be nil
}

// Error returns the reason with its offset. Callers wrap it in an error of their own
// that carries their prefix.
func (e *Error) Error() string { return fmt.Sprintf("%s at offset %#x", e.Reason, e.Offset) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Reader is a cursor over a byte slice whose first failure sticks. It never copies,
// except in Name. It must not be used by two goroutines at once.
type Reader struct {
	buf []byte
	pos int
	end int
	err *Error
}

// NewReader returns a reader at the start of buf.
func NewReader(buf []byte) *Reader { return &Reader{buf: buf, end: len(buf)} }

// Err returns nil or the first failure, an *[Error].
func (r *Reader) Err() error {
	if r.err == nil {
		return nil
	}
	return r.err
}

// Failed reports whether a read failed. Loops end on it.
func (r *Reader) Failed() bool { return r.err != nil }

// Offset returns the position of the next byte in the outermost buffer.
func (r *Reader) Offset() int { return r.pos }

// Len returns the number of bytes left.
func (r *Reader) Len() int { return r.end - r.pos }

// Fail records a failure at the given offset, unless there is one already.
// cause may be nil.
func (r *Reader) Fail(offset int, cause error, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Offset: offset, Reason: fmt.Sprintf(format, args...), Cause: cause}
	}
}

// failed records a failure of one of the causes of this package.
func (r *Reader) failed(offset int, cause error, what string) {
	r.Fail(offset, cause, "%s: %v", what, cause)
}

// Byte reads one byte.
func (r *Reader) Byte(what string) byte {
	if r.err != nil {
		return 0
	}
	if r.pos == r.end {
		r.failed(r.pos, ErrTruncated, what)
		return 0
	}
	b := r.buf[r.pos]
	r.pos++
	return b
}

// Peek returns the next byte without reading it, or 0 when there is none.
func (r *Reader) Peek() byte {
	if r.err != nil || r.pos == r.end {
		return 0
	}
	return r.buf[r.pos]
}

// Bytes reads n bytes. The result shares memory with the buffer; its capacity is its
// length, so appending to it copies.
func (r *Reader) Bytes(n uint32, what string) []byte {
	if r.err != nil {
		return nil
	}
	if uint64(n) > uint64(r.Len()) {
		r.Fail(r.pos, ErrTruncated, "%s: %v: %d bytes wanted, %d left", what, ErrTruncated, n,
			r.Len())
		return nil
	}
	start := r.pos
	r.pos += int(n)
	return r.buf[start:r.pos:r.pos]
}

// Since returns what was read from the given offset to here, without copying.
func (r *Reader) Since(offset int) []byte {
	if r.err != nil || offset < 0 || offset > r.pos {
		return nil
	}
	return r.buf[offset:r.pos:r.pos]
}

// Sub reads n bytes as a reader of their own, which fails at their end. A failure in it
// does not reach r: ask the sub-reader.
func (r *Reader) Sub(n uint32, what string) *Reader {
	start := r.pos
	if r.Bytes(n, what); r.err != nil {
		return &Reader{buf: r.buf, pos: start, end: start, err: r.err}
	}
	return &Reader{buf: r.buf, pos: start, end: r.pos}
}

// Count reads the length of a vector whose elements take at least minSize bytes each
// (minSize ≥ 1), and refuses one that the remaining bytes cannot hold. So a caller may
// allocate for the result.
func (r *Reader) Count(minSize int, what string) int {
	at := r.pos
	n := r.U32(what)
	if r.err == nil && uint64(n)*uint64(minSize) > uint64(r.Len()) {
		r.Fail(at, ErrTruncated, "%s: %v: %d elements cannot fit in %d bytes", what, ErrTruncated,
			n, r.Len())
	}
	if r.err != nil {
		return 0
	}
	return int(n)
}

// Name reads a length-prefixed UTF-8 string and copies it.
func (r *Reader) Name(what string) string {
	n := r.U32(what)
	at := r.pos
	b := r.Bytes(n, what)
	if !utf8.Valid(b) {
		r.failed(at, ErrUTF8, what)
		return ""
	}
	return string(b)
}

// U32 reads an unsigned integer of 32 bits.
func (r *Reader) U32(what string) uint32 { return uint32(r.unsigned(32, what)) }

// S32 reads a signed integer of 32 bits.
func (r *Reader) S32(what string) int32 { return int32(r.signed(32, what)) }

// S33 reads a signed integer of 33 bits: a block type or a heap type.
func (r *Reader) S33(what string) int64 { return r.signed(33, what) }

// S64 reads a signed integer of 64 bits.
func (r *Reader) S64(what string) int64 { return r.signed(64, what) }

// unsigned reads an unsigned integer of the given width, at most 64.
func (r *Reader) unsigned(width uint, what string) uint64 {
	start := r.pos
	var value uint64
	for shift := uint(0); ; shift += 7 {
		b := r.Byte(what)
		if r.err != nil {
			return 0
		}
		if left := width - shift; left < 7 {
			// The last byte: whatever it says beyond the width is an error.
			if b&0x80 != 0 {
				r.failed(start, ErrOverlong, what)
				return 0
			}
			if b>>left != 0 {
				r.failed(start, ErrTooLarge, what)
				return 0
			}
		}
		value |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return value
		}
	}
}

// signed reads a signed integer of the given width, at most 64.
func (r *Reader) signed(width uint, what string) int64 {
	start := r.pos
	var value int64
	for shift := uint(0); ; shift += 7 {
		b := r.Byte(what)
		if r.err != nil {
			return 0
		}
		if left := width - shift; left < 7 {
			if b&0x80 != 0 {
				r.failed(start, ErrOverlong, what)
				return 0
			}
			// The sign bit and the bits above it must be equal: all zero or all one.
			if sign := int8(b<<1) >> left; sign != 0 && sign != -1 {
				r.failed(start, ErrTooLarge, what)
				return 0
			}
		}
		value |= int64(b&0x7f) << shift
		if b&0x80 == 0 {
			if shift += 7; shift < 64 {
				value = value << (64 - shift) >> (64 - shift)
			}
			return value
		}
	}
}
