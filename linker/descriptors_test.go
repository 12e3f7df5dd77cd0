package linker_test

import (
	"encoding/binary"
	"errors"
	"os"
	"testing"
	"testing/fstest"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// wasiTypes are the parameters of functions of WASI, an i or I for an i32 or i64; all return an
// error number.
var wasiTypes = map[string]string{
	"fd_read": "iiii", "fd_write": "iiii", "fd_close": "i", "fd_seek": "iIii",
	"fd_fdstat_get": "ii", "fd_fdstat_set_flags": "ii",
	"fd_filestat_get": "ii", "fd_renumber": "ii", "fd_readdir": "iiiIi", "path_open": "iiiiiIIii",
	"path_filestat_get": "iiiii", "poll_oneoff": "iiii",
	"sock_accept": "iii", "sock_recv": "iiiiii", "sock_send": "iiiii",
}

// Error numbers of WASI.
const (
	wasiOK   = 0
	wasiBadf = 8
)

// wasiCalls is a library that exports functions of WASI.
func wasiCalls(t testing.TB) []byte {
	return library(t, dylink.Info{}, func(b *wasm.Builder) {
		types, indices := map[string]uint32{}, map[string]uint32{}
		for name, signature := range wasiTypes {
			var params []wasm.ValType
			for _, p := range signature {
				params = append(params, map[rune]wasm.ValType{'i': wasm.I32, 'I': wasm.I64}[p])
			}
			types[name] = b.Type(params, i32)
			indices[name] = b.ImportFunc("wasi_snapshot_preview1", name, types[name])
		}
		for name, signature := range wasiTypes {
			var c wasm.Code
			for p := range signature {
				c.LocalGet(uint32(p))
			}
			b.ExportFunc(name, b.Func(types[name], nil, c.Call(indices[name])))
		}
	})
}

// wasiGroup is a group with memory of its own for what it says to WASI.
type wasiGroup struct {
	*image
	lib *linker.Library
	at  uint32
}

// wasiGroups are a first group and others.
func wasiGroups(t *testing.T, n int, config wazero.ModuleConfig) []wasiGroup {
	return wasiGroupsOf(t, n,
		func(c *linker.Config) *linker.Config { return c.WithModuleConfig(config) })
}

func wasiGroupsOf(t *testing.T, n int, configure func(*linker.Config) *linker.Config) []wasiGroup {
	i := newImage(t, "main-pie", "threads", configure)
	lib := i.openBytes("wasi", wasiCalls(t))
	var groups []wasiGroup
	for k := range n {
		g := i
		if k > 0 {
			g = i.spawn()
		}
		groups = append(groups, wasiGroup{g, lib, uint32(g.call(linker.Default, "malloc", 1024))})
	}
	return groups
}

// wasi calls a function of WASI and returns its error number.
func (g wasiGroup) wasi(name string, args ...uint64) uint64 {
	g.Helper()
	r, err := g.g.Call(g.ctx, g.lib, name, args...)
	if err != nil {
		g.Error(name, err)
		return 1 << 32
	}
	return r[0]
}

func (g wasiGroup) must(name string, args ...uint64) {
	g.Helper()
	if errno := g.wasi(name, args...); errno != wasiOK {
		g.Errorf("%s%v: error %d", name, args, errno)
	}
}

// bytes returns n bytes of the group's memory.
func (g wasiGroup) bytes(offset, n uint32) []byte {
	g.Helper()
	b, ok := g.l.View(g.at+offset, n)
	if !ok {
		g.Fatal("no memory")
	}
	return b
}

func (g wasiGroup) word(offset uint32) uint32 {
	return binary.LittleEndian.Uint32(g.bytes(offset, 4))
}

// The group's memory: a result, a vector of one buffer, a name, and the buffer.
const (
	wasiResult, wasiVector, wasiPath, wasiBuffer = 0, 16, 64, 128
)

// vector makes the vector say that the buffer has n bytes.
func (g wasiGroup) vector(n uint32) uint64 {
	v := g.bytes(wasiVector, 8)
	binary.LittleEndian.PutUint32(v, g.at+wasiBuffer)
	binary.LittleEndian.PutUint32(v[4:], n)
	return uint64(g.at + wasiVector)
}

// read reads up to n bytes.
func (g wasiGroup) read(fd uint64, n uint32) string {
	g.Helper()
	g.must("fd_read", fd, g.vector(n), 1, uint64(g.at))
	return string(g.bytes(wasiBuffer, g.word(wasiResult)))
}

func (g wasiGroup) print(fd uint64, text string) {
	g.Helper()
	copy(g.bytes(wasiBuffer, uint32(len(text))), text)
	g.must("fd_write", fd, g.vector(uint32(len(text))), 1, uint64(g.at))
}

// openFile opens a file of the first folder.
func (g wasiGroup) openFile(name string) uint64 {
	g.Helper()
	copy(g.bytes(wasiPath, uint32(len(name))), name)
	g.must("path_open", 3, 0, uint64(g.at+wasiPath), uint64(len(name)), 0, 2, 0, 0, uint64(g.at))
	return uint64(g.word(wasiResult))
}

// tellingReader says when it is read, and has nothing to read before it is closed.
type tellingReader struct{ reading, gate chan struct{} }

func (r tellingReader) Read(p []byte) (int, error) {
	r.reading <- struct{}{}
	<-r.gate
	return copy(p, "hello"), nil
}

var someFiles = fstest.MapFS{"file": {Data: []byte("contents of a file")},
	"folder/other": {Data: []byte("another")}}

func withFiles() wazero.ModuleConfig {
	return wazero.NewModuleConfig().WithFSConfig(wazero.NewFSConfig().WithFSMount(someFiles, "/"))
}

// useFiles prints, opens, reads and closes files, and opens a library.
func (g wasiGroup) useFiles() {
	g.Helper()
	g.print(1, "printed")
	fd := g.openFile("file")
	if got := g.read(fd, 100); got != "contents of a file" {
		g.Errorf("read %q", got)
	}
	g.must("fd_close", fd)
	g.must("fd_fdstat_get", 0, uint64(g.at)) // as isatty does
	g.open("counter")
	g.call(linker.Default, "counter_next")
}

// A group that waits for its standard input delays no other group, neither its calls about files
// nor its link operations.
func TestBlockedReadHoldsUpNobody(t *testing.T) {
	pipe, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	told := tellingReader{make(chan struct{}), make(chan struct{})}
	for _, tt := range []struct {
		name   string
		config wazero.ModuleConfig
		begun  func()
		feed   func() error
	}{
		{"a reader", withFiles().WithStdin(told), func() { <-told.reading },
			func() error { close(told.gate); return nil }},
		{"a pipe", withFiles().WithStdin(pipe), func() {}, func() error {
			_, err := feed.WriteString("hello")
			return errors.Join(err, feed.Close())
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out lockedBuilder
			groups := wasiGroups(t, 3, tt.config.WithStdout(&out))
			done := make(chan string)
			go func() { done <- groups[1].read(0, 5) }()
			tt.begun()
			groups[0].useFiles()
			groups[2].useFiles()
			if err := tt.feed(); err != nil {
				t.Error(err)
			}
			if got := <-done; got != "hello" {
				t.Errorf("read %q", got)
			}
			groups[1].want(103, linker.Default, "counter_next")
			if out.b.String() != "printedprinted" {
				t.Errorf("printed %q", out.b.String())
			}
		})
	}
}

// So does one that waits for standard output.
func TestBlockedWriteHoldsUpNobody(t *testing.T) {
	writing, gate := make(chan struct{}), make(chan struct{})
	groups := wasiGroups(t, 2, withFiles().WithStderr(writerFunc(func(p []byte) (int, error) {
		writing <- struct{}{}
		<-gate
		return len(p), nil
	})))
	done := make(chan struct{})
	go func() {
		defer close(done)
		groups[1].print(2, "error")
	}()
	<-writing
	groups[0].useFiles()
	close(gate)
	<-done
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// So does one that polls it, with or without a time-out.
func TestPollHoldsUpNobody(t *testing.T) {
	pipe, feed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	groups := wasiGroups(t, 2, withFiles().WithStdin(pipe))
	g := groups[1]
	subscription := g.bytes(wasiBuffer, 48)
	clear(subscription)
	// a word of the user's, and that there is something to read
	subscription[0], subscription[8] = 42, 1
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.must("poll_oneoff", uint64(g.at+wasiBuffer), uint64(g.at+wasiBuffer+64), 1, uint64(g.at))
	}()
	groups[0].useFiles()
	if _, err := feed.WriteString("hello"); err != nil {
		t.Fatal(err)
	}
	<-done
	if event := g.bytes(wasiBuffer+64, 32); g.word(wasiResult) != 1 || event[0] != 42 ||
		event[8] != 0 || event[10] != 1 {
		t.Errorf("%d events: %v", g.word(wasiResult), event)
	}
	if got := g.read(0, 5); got != "hello" {
		t.Errorf("read %q", got)
	}
	if err := feed.Close(); err != nil {
		t.Error(err)
	}
}

// The number of a standard stream that was closed is given to the next file.
func TestStreamNumbersAreUsedAgain(t *testing.T) {
	var out lockedBuilder
	groups := wasiGroups(t, 2, withFiles().WithStdout(&out))
	for fd := range uint64(3) {
		if errno := groups[0].wasi("fd_renumber", fd, 9); errno == wasiOK {
			t.Error("a standard stream was moved")
		}
		groups[0].must("fd_close", fd)
		if errno := groups[1].wasi("fd_close", fd); errno != wasiBadf {
			t.Errorf("closed again: error %d", errno)
		}
		if errno := groups[1].wasi("fd_fdstat_get", fd, uint64(groups[1].at)); errno != wasiBadf {
			t.Errorf("closed: error %d", errno)
		}
		if got := groups[1].openFile("file"); got != fd {
			t.Errorf("a file has number %d instead of %d", got, fd)
		}
		if got := groups[0].read(fd, 8); got != "contents" {
			t.Errorf("read %q", got)
		}
	}
	if out.b.Len() != 0 {
		t.Errorf("printed %q", out.b.String())
	}
}
