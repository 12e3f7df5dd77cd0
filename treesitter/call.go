package treesitter

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker"
)

// call is one use of the library. Its methods end it, by a panic that run turns into an error, when
// a function fails or an address is none.
type call struct {
	ctx context.Context
	l   *Library
}

// failure is what the methods of a call panic with.
type failure struct{ err error }

// run calls f. What goes wrong within the library breaks it: it has stopped half-way.
func (c *call) run(f func(c *call) error) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		failed, ok := r.(failure)
		if !ok {
			panic(r)
		}
		err = failed.err
		if errors.Is(err, linker.ErrClosed) {
			c.l.err = errors.Join(ErrClosed, err)
		} else {
			c.l.err = fmt.Errorf("%w: %w", ErrBroken, err)
		}
		err = c.l.err
	}()
	return f(c)
}

// call calls a function of the library. The result is 0 where the function has none.
func (c *call) call(function string, args ...uint32) uint32 {
	r, err := c.in(linker.Default, function, args...)
	if err != nil {
		panic(failure{err})
	}
	return r
}

// in calls a function of a grammar.
func (c *call) in(library *linker.Library, function string, args ...uint32) (uint32, error) {
	words := make([]uint64, len(args))
	for i, a := range args {
		words[i] = uint64(a)
	}
	results, err := c.l.group.Call(c.ctx, library, function, words...)
	if err != nil || len(results) == 0 {
		return 0, err
	}
	return uint32(results[0]), nil
}

// view returns memory of the library, to be used before the next call.
func (c *call) view(address, size uint32) []byte {
	b, ok := c.l.Linker().View(address, size)
	if !ok {
		panic(failure{fmt.Errorf("%w: %d bytes at %#x", ErrMemory, size, address)})
	}
	return b
}

// word reads a word.
func (c *call) word(address uint32) uint32 {
	return binary.LittleEndian.Uint32(c.view(address, 4))
}

// words reads a list of words.
func (c *call) words(address, n uint32) []uint32 {
	if uint64(n)*4 > 1<<32-1 {
		panic(failure{fmt.Errorf("%w: %d words", ErrMemory, n)})
	}
	b, list := c.view(address, 4*n), make([]uint32, n)
	for i := range list {
		list[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	return list
}

// put writes words.
func (c *call) put(address uint32, words ...uint32) {
	b := c.view(address, uint32(4*len(words)))
	for i, w := range words {
		binary.LittleEndian.PutUint32(b[4*i:], w)
	}
}

// malloc takes memory of the library.
func (c *call) malloc(size int) uint32 {
	address := c.call("malloc", uint32(max(size, 1)))
	if address == 0 {
		panic(failure{linker.ErrNoMemory})
	}
	return address
}

// bytes puts a text, and a zero behind it, into the library's memory. The caller frees it.
func (c *call) bytes(text string) uint32 {
	address := c.malloc(len(text) + 1)
	b := c.view(address, uint32(len(text)+1))
	copy(b, text)
	b[len(text)] = 0
	return address
}

// text copies the string at an address, which ends with a zero byte.
func (c *call) text(address uint32) string {
	if size := c.l.Linker().Memory().Size(); address < size {
		rest := c.view(address, size-address)
		if n := bytes.IndexByte(rest, 0); n >= 0 {
			return string(rest[:n])
		}
	}
	panic(failure{fmt.Errorf("%w: string %#x", ErrMemory, address)})
}

// list reads a list that the library has left in the buffer, its length and its address. It is
// given back if it is the caller's.
func (c *call) list(size uint32, owned bool, each func(item []byte)) {
	n, address := c.word(c.l.buffer), c.word(c.l.buffer+4)
	if n > 0 {
		if uint64(n)*uint64(size) > 1<<32-1 {
			panic(failure{fmt.Errorf("%w: %d items", ErrMemory, n)})
		}
		b := c.view(address, n*size)
		for at := uint32(0); at < n*size; at += size {
			each(b[at : at+size])
		}
	}
	if owned {
		c.call("free", address)
	}
}

// collect gives back what the garbage collector found.
func (c *call) collect() {
	c.l.mu.Lock()
	retired := c.l.retired
	c.l.retired = nil
	c.l.mu.Unlock()
	for _, h := range retired {
		// An error here comes again in the call that follows.
		_, _ = c.in(linker.Default, h.function, h.address)
		if h.also != 0 {
			_, _ = c.in(linker.Default, "free", h.also)
		}
	}
}
