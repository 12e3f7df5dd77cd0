package linker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
)

// fileChunk is how many bytes are read at once of a file that does not tell its size.
const fileChunk = 1 << 20

// WithMaxFile sets how many bytes a library may have. A file that says that it has more is refused
// before it is read, and reading one without end stops there.
func (c *Config) WithMaxFile(bytes int64) *Config {
	return c.with(func(c *Config) { c.maxFile = max(bytes, 0) })
}

// WithMaxAbandoned sets how many reads may be under way whose callers have given up, because the
// file system did not answer before their contexts ended. With more, nothing is read.
func (c *Config) WithMaxAbandoned(reads int) *Config {
	return c.with(func(c *Config) { c.maxAbandoned = max(reads, 0) })
}

// PanicError says that code which the linker has called panicked, or ended its goroutine: a file
// system, or the engine's compiler.
type PanicError struct {
	During string // what it was called for
	Value  any    // what it panicked with, nil if it ended the goroutine
}

// Error implements the error interface.
func (e *PanicError) Error() string {
	if e.Value == nil {
		return fmt.Sprintf("linker: %s ended its goroutine", e.During)
	}
	return fmt.Sprintf("linker: %s panicked: %v", e.During, e.Value)
}

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// files are what a file system is asked by. It may block for as long as it likes: a caller leaves
// when its context ends.
type files struct {
	fsys      fs.FS
	limit     int64 // bytes of one file; a longer one is an error
	most      int   // reads that callers may have left behind, at once
	abandoned atomic.Int32
}

// ask calls f, in a goroutine of its own if the context can end, and returns the context's error
// when that ends first.
func ask[T any](ctx context.Context, s *files, f func(context.Context) (T, error)) (T, error) {
	var zero T
	if err := ctx.Err(); err != nil {
		return zero, err
	}
	if n := s.abandoned.Load(); int(n) > s.most {
		return zero, &LimitError{Limit: limitAbandoned, Value: uint64(n), Max: uint64(s.most)}
	}
	if ctx.Done() == nil {
		return survived(ctx, f)
	}
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	var state atomic.Int32 // who was first: 1, the answer; 2, the end of the context
	go func() {
		a := answer{err: &PanicError{During: "reading a file"}}
		defer func() {
			if !state.CompareAndSwap(0, 1) {
				s.abandoned.Add(-1)
			}
			answers <- a
		}()
		a.value, a.err = survived(ctx, f)
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		s.abandoned.Add(1)
		if !state.CompareAndSwap(0, 2) {
			s.abandoned.Add(-1)
		}
		return zero, ctx.Err()
	}
}

// survived makes a panic of f an error: f is code of the user.
func survived[T any](ctx context.Context, f func(context.Context) (T, error)) (value T, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{During: "reading a file", Value: v}
		}
	}()
	return f(ctx)
}

// read leaves a read behind when the context ends, since a file system may block for ever.
func (s *files) read(ctx context.Context, file string) ([]byte, error) {
	return ask(ctx, s, func(ctx context.Context) ([]byte, error) {
		f, err := s.fsys.Open(file)
		if err != nil {
			return nil, err
		}
		if f == nil {
			return nil, fs.ErrInvalid
		}
		defer f.Close() //nolint:errcheck // it was read
		var size int64
		if info, err := f.Stat(); err == nil && info != nil {
			size = info.Size()
		}
		if err := s.fits(size); err != nil {
			return nil, err
		}
		return s.readAll(ctx, f, size)
	})
}

func (s *files) fits(size int64) error {
	if size > s.limit {
		return &LimitError{Limit: limitFile, Value: uint64(size), Max: uint64(s.limit)}
	}
	return nil
}

// readAll reads a file whose size is about what is said.
func (s *files) readAll(ctx context.Context, f io.Reader, size int64) ([]byte, error) {
	var chunks [][]byte
	for total := int64(0); ; {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		left := size - total + 1 // one byte more, to see the end
		if left <= 0 {
			left = fileChunk // it has more than it said
		}
		chunk := make([]byte, left)
		n, err := io.ReadFull(f, chunk)
		total += int64(n)
		if tooLong := s.fits(total); tooLong != nil {
			return nil, tooLong
		}
		chunks = append(chunks, chunk[:n:n])
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return concatenated(chunks, total), nil
		default:
			return nil, err
		}
	}
}

// concatenated returns the bytes of some chunks, without copying those of a single one.
func concatenated(chunks [][]byte, total int64) []byte {
	if len(chunks) == 1 {
		return chunks[0]
	}
	all := make([]byte, 0, total)
	for _, c := range chunks {
		all = append(all, c...)
	}
	return all
}
