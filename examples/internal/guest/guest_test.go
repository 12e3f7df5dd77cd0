package guest_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/examples/internal/guesttest"
	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

var config wazero.RuntimeConfig

func TestMain(m *testing.M) { os.Exit(guesttest.Run(m, &config)) }

func Example() {
	ctx := context.Background()
	image, err := guest.Open(ctx,
		guest.Options{Main: libraries.MainLibc, Library: libraries.Zlib, Runtime: config})
	if err != nil {
		log.Fatal(err)
	}
	defer image.Close(ctx)
	version, err := image.Main().Call(ctx, "zlibVersion")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(image.Main().String(version))
	// Output: 1.2.13 <nil>
}

func open(t *testing.T) *guest.Thread {
	t.Helper()
	image, err := guest.Open(t.Context(),
		guest.Options{Main: libraries.MainLibc, Library: libraries.Zlib, Runtime: config})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := image.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return image.Main()
}

func TestStrings(t *testing.T) {
	ctx, thread := t.Context(), open(t)
	for _, n := range []int{0, 1, 255, 256, 257, 100_000} {
		want := strings.Repeat("x", n)
		p, err := thread.CString(ctx, want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := thread.String(p); got != want || err != nil {
			t.Errorf("a string of %d bytes has %d: %v", n, len(got), err)
		}
		if length, err := thread.Libc(ctx, "strlen", uint64(p)); int(length) != n || err != nil {
			t.Errorf("strlen is %d, %v; want %d", length, err, n)
		}
		if err := thread.Free(ctx, p); err != nil {
			t.Error(err)
		}
	}
	if s, err := thread.String(0); s != "" || err != nil {
		t.Errorf("the null pointer's string is %q, %v", s, err)
	}
}

func TestAddresses(t *testing.T) {
	thread := open(t)
	size := thread.Memory().Size()
	last, err := thread.Bytes(size-8, 8)
	if err != nil {
		t.Fatal(err)
	}
	copy(last, "no end..")
	var outside *guest.AddressError
	if s, err := thread.String(size - 8); !errors.As(err, &outside) || outside.Address != size {
		t.Errorf("a string without an end: %q, %v", s, err)
	}
	if err := thread.PutUint32(size-2, 1); !errors.As(err, &outside) ||
		*outside != (guest.AddressError{Address: size - 2, Size: 4}) {
		t.Errorf("a word at the end: %v", err)
	}
	if _, err := thread.Uint32(size); !errors.As(err, &outside) {
		t.Errorf("a word behind the end: %v", err)
	}
	if err := thread.PutUint32(size-4, 0x64636261); err != nil {
		t.Error(err)
	}
	if v, err := thread.Uint32(size - 4); v != 0x64636261 || err != nil ||
		string(last[4:]) != "abcd" {
		t.Errorf("the last word is %#x, %v; the bytes are %q", v, err, last)
	}
}

func TestFailures(t *testing.T) {
	ctx, thread := t.Context(), open(t)
	if p, err := thread.Alloc(ctx, 3<<30); !errors.Is(err, guest.ErrMemory) {
		t.Errorf("3 GiB: %#x, %v", p, err)
	}
	var undefined *linker.UndefinedSymbolError
	if _, err := thread.Call(ctx, "no_such_function"); !errors.As(err, &undefined) ||
		undefined.Symbol != "no_such_function" {
		t.Errorf("an unknown function: %v", err)
	}
	broken := errors.New("broken")
	for name, tt := range map[string]struct {
		options guest.Options
		is      func(error) bool
	}{
		"no such main": {guest.Options{Main: "none.wasm"},
			func(err error) bool { return errors.Is(err, fs.ErrNotExist) }},
		"no such library": {guest.Options{Main: libraries.MainLibc, Library: "none.wasm"},
			func(err error) bool { var e *linker.NotFoundError; return errors.As(err, &e) }},
		"no library": {guest.Options{Main: libraries.MainLibc, Library: libraries.MainLibc},
			func(err error) bool { return errors.Is(err, linker.ErrNotLibrary) }},
		"no host": {guest.Options{Main: libraries.MainLibc,
			Host: func(context.Context, wazero.Runtime) error { return broken }},
			func(err error) bool { return errors.Is(err, broken) }},
	} {
		tt.options.Runtime = config
		if _, err := guest.Open(ctx, tt.options); !tt.is(err) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestThreadsAllocate has four threads use malloc at once: no block may be given out twice, nor a
// byte of it change.
func TestThreadsAllocate(t *testing.T) {
	ctx := t.Context()
	image, err := guest.Open(ctx,
		guest.Options{Main: libraries.MainLibc, Library: libraries.Zlib, Runtime: config})
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close(ctx)
	threads, err := image.Threads(ctx, 4)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for _, thread := range threads {
		go func() { done <- churn(ctx, thread) }()
	}
	for range threads {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// churn allocates and frees blocks, filled with the thread's number.
func churn(ctx context.Context, thread *guest.Thread) error {
	var blocks [16]struct{ address, size uint32 }
	for round := range uint32(400) {
		b := &blocks[round*7%16]
		if b.address != 0 {
			bytes, err := thread.Bytes(b.address, b.size)
			if err != nil {
				return err
			}
			for i, c := range bytes {
				if c != byte(thread.ID()) {
					return fmt.Errorf("thread %d: byte %d of %d at %#x is %d", thread.ID(), i,
						b.size, b.address, c)
				}
			}
			if err := thread.Free(ctx, b.address); err != nil {
				return err
			}
		}
		b.size = 1 + round*round*31%5000
		var err error
		if b.address, err = thread.Alloc(ctx, b.size); err != nil {
			return err
		}
		bytes, err := thread.Bytes(b.address, b.size)
		if err != nil {
			return err
		}
		for i := range bytes {
			bytes[i] = byte(thread.ID())
		}
	}
	return nil
}
