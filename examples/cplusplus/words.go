package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// Order says whether word a, which occurred countA times, comes before word b in a report.
type Order func(a string, countA uint32, b string, countB uint32) bool

// goOrder is the words_before function that calls Go.
const goOrder = "words_go_order"

// orderKey is the key of a context's Order. It travels with the call, so the host function has no
// state.
type orderKey struct{}

// openImage links the library, and libc++ as its main module.
func openImage(ctx context.Context, runtime wazero.RuntimeConfig) (image *guest.Image, err error) {
	return guest.Open(ctx,
		guest.Options{Main: libraries.MainLibcxx, Library: libraries.Words, Runtime: runtime,
			Host: func(ctx context.Context, rt wazero.Runtime) error {
				i32 := api.ValueTypeI32
				compare := api.GoModuleFunc(
					func(ctx context.Context, _ api.Module, stack []uint64) {
						before, err := compare(ctx, image, stack)
						if err != nil {
							panic(err) // ends the call from Go, as a trap does
						}
						stack[0] = before
					})
				_, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
					WithGoModuleFunction(compare, []api.ValueType{i32, i32, i32, i32},
						[]api.ValueType{i32}).Export(goOrder).Instantiate(ctx)
				return err
			}})
}

// compare calls the Order of the call's context.
func compare(ctx context.Context, image *guest.Image, stack []uint64) (uint64, error) {
	order, ok := ctx.Value(orderKey{}).(Order)
	if !ok {
		return 0, errors.New("words: there is no order in this context")
	}
	t := image.Main().In(linker.GroupFromContext(ctx))
	a, errA := t.String(uint32(stack[0]))
	b, errB := t.String(uint32(stack[2]))
	if order(a, uint32(stack[1]), b, uint32(stack[3])) {
		return 1, errors.Join(errA, errB)
	}
	return 0, errors.Join(errA, errB)
}

// Words is a counter of words: a C++ object. One goroutine at a time uses it, in any thread.
type Words struct{ pointer uint32 }

// NewWords makes a counter.
func NewWords(ctx context.Context, t *guest.Thread) (Words, error) {
	p, err := t.Call(ctx, "words_new")
	return Words{p}, err
}

// Close deletes the counter.
func (w Words) Close(ctx context.Context, t *guest.Thread) error {
	_, err := t.Call(context.WithoutCancel(ctx), "words_free", w.pointer)
	return err
}

// bufferSize is how much text is in the guest's memory at once, at least.
const bufferSize = 64 << 10

// Add adds the words of a text.
func (w Words) Add(ctx context.Context, t *guest.Thread, text io.Reader) (err error) {
	address, err := t.Alloc(ctx, bufferSize)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Free(ctx, address)) }()
	buffer, err := t.Bytes(address, bufferSize)
	if err != nil {
		return err
	}
	kept := 0 // what a word that the buffer cuts begins with
	for {
		n, readErr := io.ReadFull(text, buffer[kept:])
		n += kept
		end := n
		if readErr == nil {
			if end = lastWord(buffer[:n]); end == 0 {
				return fmt.Errorf("words: a word of more than %d bytes", n)
			}
		}
		if _, err := t.Call(ctx, "words_add", w.pointer, address, uint32(end)); err != nil {
			return err
		}
		kept = copy(buffer, buffer[end:n])
		switch {
		case errors.Is(readErr, io.EOF) || errors.Is(readErr, io.ErrUnexpectedEOF):
			return nil
		case readErr != nil:
			return readErr
		}
	}
}

// lastWord returns where the word begins with which a text ends; its length, when it ends with
// none.
func lastWord(text []byte) int {
	for i := len(text); i > 0; i-- {
		if c := text[i-1] | 0x20; (c < 'a' || c > 'z') && (text[i-1] < '0' || text[i-1] > '9') {
			return i
		}
	}
	return 0
}

// Total returns how many words there were, and how many different ones.
func (w Words) Total(ctx context.Context, t *guest.Thread) (all, different uint32, err error) {
	if all, err = t.Call(ctx, "words_total", w.pointer); err != nil {
		return 0, 0, err
	}
	different, err = t.Call(ctx, "words_different", w.pointer)
	return all, different, err
}

// Report writes the words and how often they occurred, as "table", "csv" or "json"; limit 0 is all
// of them. A nil order is: the most frequent first, then by the alphabet.
func (w Words) Report(ctx context.Context, t *guest.Thread, format string, order Order,
	limit uint32) (report string, err error) {
	name, err := t.CString(ctx, format)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, t.Free(ctx, name)) }()
	pointer := uint32(0)
	if order != nil {
		symbol, err := t.Symbol(ctx, linker.Default, goOrder)
		if err != nil {
			return "", err
		}
		pointer, ctx = symbol.Pointer, context.WithValue(ctx, orderKey{}, order)
	}
	p, err := t.Call(ctx, "words_report", w.pointer, name, pointer, limit)
	if err != nil {
		return "", err
	}
	if p == 0 {
		return "", fmt.Errorf("words: unknown format %q", format)
	}
	defer func() { err = errors.Join(err, t.Free(ctx, p)) }()
	return t.String(p)
}
