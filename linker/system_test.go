package linker_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// wasiLibrary exports read(buffer) and write(buffer, n): standard input and output, through one
// iovec that it keeps in the first 8 bytes of the buffer; the result is the error number, and the
// count is at buffer+8.
func wasiLibrary(t testing.TB) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		io := b.Type([]wasm.ValType{wasm.I32, wasm.I32, wasm.I32, wasm.I32}, i32)
		read := b.ImportFunc("wasi_snapshot_preview1", "fd_read", io)
		write := b.ImportFunc("wasi_snapshot_preview1", "fd_write", io)
		b.ImportMemory("env", "memory",
			wasm.MemoryType{Limits: wasm.Limits{Max: wasm.MaxPages, HasMax: true}, Shared: true})
		for fd, name := range []string{"read", "write"} {
			var c wasm.Code
			// the data begins 16 bytes further on
			c.LocalGet(0).LocalGet(0).I32Const(16).I32Add().I32Store(0)
			c.LocalGet(0).LocalGet(1).I32Store(4)
			c.I32Const(int32(fd)).LocalGet(0).I32Const(1).LocalGet(0).I32Const(8).I32Add().Call(
				[]uint32{read, write}[fd])
			b.ExportFunc(name, b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32), nil, &c))
		}
	})
}

// lockedBuilder is standard output for all groups.
type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// A group that waits in a system call delays no other: libraries are loaded meanwhile, and are
// there afterwards.
func TestBlockedSystemCall(t *testing.T) {
	stdin, feed := io.Pipe()
	var out lockedBuilder
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithModuleConfig(wazero.NewModuleConfig().WithStdin(stdin).WithStdout(&out))
	})
	reader := i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "wasi", wasiLibrary(t))
	if err != nil {
		t.Fatal(err)
	}
	buffer := i.call(linker.Default, "malloc", 64)
	done := make(chan error)
	go func() {
		r, err := reader.try(lib, "read", buffer, 5)
		if r != 0 {
			err = errors.Join(err, errors.New("fd_read failed"))
		}
		done <- err
	}()
	// The reader may not have come to its system call yet; whether or not, this does not wait for
	// its end.
	i.open("counter")
	i.want(101, linker.Default, "counter_next")
	if _, err := feed.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	reader.want(102, linker.Default, "counter_next")
	i.want(0, lib, "write", buffer, 5)
	if out.b.String() != "hello" {
		t.Errorf("output: %q", out.b.String())
	}
}

// All groups use the system interface at once.
func TestConcurrentSystemCalls(t *testing.T) {
	var out lockedBuilder
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithModuleConfig(wazero.NewModuleConfig().WithStdout(&out))
	})
	lib, err := i.g.OpenBytes(i.ctx, "wasi", wasiLibrary(t))
	if err != nil {
		t.Fatal(err)
	}
	buffer := i.call(linker.Default, "malloc", 64)
	if !i.l.Memory().WriteString(uint32(buffer)+16, "x") {
		t.Fatal("no buffer")
	}
	var wg sync.WaitGroup
	for k := range 4 {
		g := i
		if k > 0 {
			g = i.spawn()
		}
		own := g.call(linker.Default, "malloc", 64)
		wg.Go(func() {
			for n := range 50 {
				if r, err := g.try(lib, "write", own, 1); r != 0 || err != nil {
					t.Errorf("write: %d, %v", r, err)
				}
				if n == 25 {
					if _, err := g.g.Open(g.ctx, "libmanyfn.wasm"); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if out.b.Len() != 200 {
		t.Errorf("%d bytes were written", out.b.Len())
	}
}

// A system call that panics in the host ends the call, and neither the group nor the files stay
// locked.
func TestSystemCallPanics(t *testing.T) {
	i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithModuleConfig(wazero.NewModuleConfig().WithStdout(panicWriter{}))
	})
	i.spawn()
	lib, err := i.g.OpenBytes(i.ctx, "wasi", wasiLibrary(t))
	if err != nil {
		t.Fatal(err)
	}
	buffer := i.call(linker.Default, "malloc", 64)
	for range 2 {
		if _, err := i.try(lib, "write", buffer, 1); err == nil ||
			!strings.Contains(err.Error(), "no ink") {
			t.Errorf("write: %v", err)
		}
	}
	i.open("counter")
}

type panicWriter struct{}

func (panicWriter) Write([]byte) (int, error) { panic(errors.New("no ink")) }

// A function may be called again from within itself, through the host.
func TestRecursionThroughHost(t *testing.T) {
	depth := 0
	var results []uint64
	rt := newRuntime(t)
	ctx := context.Background()
	i32 := []api.ValueType{api.ValueTypeI32}
	host := api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
		if depth++; depth < 5 {
			r, err := linker.GroupFromContext(ctx).Call(ctx, linker.Default, "unresolved_call",
				stack[0]+1)
			if err != nil {
				panic(err)
			}
			results = append(results, r[0])
			stack[0] = r[0] + 10
		}
	})
	if _, err := rt.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoModuleFunction(host, i32,
			i32).Export("nobody_has_this").Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	i := newImageIn(t, rt, "main-pie", "threads", nil)
	lib := i.open("unresolved")
	i.want(45, lib, "unresolved_call", 1)
	if len(results) != 4 || results[0] != 5 || results[3] != 35 {
		t.Errorf("results: %v", results)
	}
}
