package main

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/examples/internal/guesttest"
	"github.com/lockstep-wasm/lockstep/libraries"
)

// config shares compiled code among the tests.
var config wazero.RuntimeConfig

func TestMain(m *testing.M) { os.Exit(guesttest.Run(m, &config)) }

func options() guest.Options {
	return guest.Options{Main: libraries.MainLibc, Library: libraries.Zlib, Runtime: config}
}

// samples are texts of several kinds and sizes around those of the buffers.
func samples() map[string][]byte {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	return map[string][]byte{
		"empty":           nil,
		"one byte":        {42},
		"buffer":          bytes.Repeat([]byte{7}, bufferSize),
		"buffer and more": bytes.Repeat([]byte("lockstep "), bufferSize/9+1),
		"noise":           noise,
		"text":            []byte(strings.Repeat("A linker that walks in step.\n", 4_000)),
	}
}

// roundTrip compresses in the guest and decompresses in Go, and the other way round.
func roundTrip(t *testing.T, thread *guest.Thread, level int, text []byte) error {
	var packed bytes.Buffer
	if err := compress(t.Context(), thread, &packed, bytes.NewReader(text), level); err != nil {
		return err
	}
	r, err := zlib.NewReader(&packed)
	if err != nil {
		return err
	}
	if back, err := io.ReadAll(r); err != nil || !bytes.Equal(back, text) {
		return fmt.Errorf("Go decompresses to %d bytes, want %d: %w", len(back), len(text), err)
	}

	packed.Reset()
	w, err := zlib.NewWriterLevel(&packed, level)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	var back bytes.Buffer
	if err := decompress(t.Context(), thread, &back, &packed); err != nil {
		return err
	}
	if !bytes.Equal(back.Bytes(), text) {
		return fmt.Errorf("zlib decompresses to %d bytes, want %d", back.Len(), len(text))
	}
	return nil
}

// TestRoundTrip does it in one thread, and in four at once.
func TestRoundTrip(t *testing.T) {
	for _, n := range []int{1, 4} {
		t.Run(fmt.Sprint(n, " threads"), func(t *testing.T) {
			image, err := guest.Open(t.Context(), options())
			if err != nil {
				t.Fatal(err)
			}
			defer image.Close(t.Context())
			threads, err := image.Threads(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for _, thread := range threads {
				wg.Go(func() {
					for name, text := range samples() {
						for _, level := range []int{-1, 0, 1, 9} {
							if err := roundTrip(t, thread, level, text); err != nil {
								t.Errorf("thread %d, %s, level %d: %v", thread.ID(), name, level,
									err)
							}
						}
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestDamagedStreams(t *testing.T) {
	image, err := guest.Open(t.Context(), options())
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close(t.Context())
	var packed bytes.Buffer
	text := strings.Repeat("damaged goods ", 100)
	if err := compress(t.Context(), image.Main(), &packed, strings.NewReader(text), 6); err != nil {
		t.Fatal(err)
	}
	whole := packed.Bytes()
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	isData := func(want string) func(error) bool {
		return func(err error) bool {
			var refused *Error
			return errors.As(err, &refused) && *refused == Error{"inflate", -3, want}
		}
	}
	isShort := func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }
	for _, tt := range []struct {
		name string
		in   []byte
		is   func(error) bool
	}{
		{"nothing", nil, isShort},
		{"cut", whole[:len(whole)-5], isShort},
		{"no header", []byte("plain text"), isData("incorrect header check")},
		{"wrong sum", flipped, isData("incorrect data check")},
		{"more behind it", append(bytes.Clone(whole), "more"...),
			func(err error) bool { return err == nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := decompress(t.Context(), image.Main(), &out,
				bytes.NewReader(tt.in)); !tt.is(err) {
				t.Errorf("error %v after %d bytes", err, out.Len())
			} else if err == nil && out.String() != text {
				t.Errorf("%d bytes, want %d", out.Len(), len(text))
			}
		})
	}
}

func TestCommand(t *testing.T) {
	text := strings.Repeat("by hand and by foot\n", 1000)
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var packed, back, stderr bytes.Buffer
	if err := command(t.Context(), options(), []string{"-level", "9", file}, nil, &packed,
		&stderr); err != nil {
		t.Fatal(err)
	}
	if packed.Len() == 0 || packed.Len() > len(text)/10 {
		t.Errorf("%d bytes of %d are left", packed.Len(), len(text))
	}
	if err := command(t.Context(), options(), []string{"-d", "-"}, &packed, &back,
		&stderr); err != nil {
		t.Fatal(err)
	}
	if back.String() != text || stderr.Len() > 0 {
		t.Errorf("%d bytes came back, want %d; standard error: %q", back.Len(), len(text), &stderr)
	}
	for _, tt := range []struct {
		name string
		args []string
		is   func(error) bool
	}{
		{"no file named", nil, func(err error) bool { return err != nil }},
		{"unknown flag", []string{"-x", "-"}, func(err error) bool { return err != nil }},
		{"missing file", []string{file + ".none"},
			func(err error) bool { return errors.Is(err, os.ErrNotExist) }},
		{"bad level", []string{"-level", "10", file}, func(err error) bool {
			var refused *Error
			return errors.As(err, &refused) && refused.Code == -2
		}},
	} {
		if err := command(t.Context(), options(), tt.args, nil, io.Discard,
			io.Discard); !tt.is(err) {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
}
