package emscripten

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// caller is a program whose exports are the functions of the host.
type caller struct {
	*Program
	t              *testing.T
	stdout, stderr bytes.Buffer
}

const (
	scratch = 4096  // where tests have what calls read and write
	heap    = 65536 // from where on malloc takes memory
	pages   = 32
)

// callerModule imports every function of the host, with whole 64-bit arguments or with halves, and
// exports it again.
func callerModule(t *testing.T, halves bool) []byte {
	t.Helper()
	var b wasm.Builder
	var names []string
	type target struct {
		index, typ uint32
		params     int
	}
	targets := map[string]target{}
	add := func(namespace, name string, f function) {
		types, _, _ := strings.Cut(f.types, "|")
		var params []wasm.ValType
		for _, letter := range []byte(types) {
			v := wasm.ValType(letters[letter])
			if halves && v == wasm.I64 {
				params = append(params, wasm.I32)
				v = wasm.I32
			}
			params = append(params, v)
		}
		result := wasm.I32
		if strings.HasPrefix(name, "emscripten_get_now") || name == "emscripten_date_now" {
			result = wasm.F64
		} else if name == "_mktime_js" || name == "_timegm_js" {
			result = wasm.I64
		}
		typ := b.Type(params, []wasm.ValType{result})
		targets[name] = target{b.ImportFunc(namespace, name, typ), typ, len(params)}
		names = append(names, name)
	}
	for _, name := range slices.Sorted(maps.Keys(functions)) {
		add("env", name, functions[name])
	}
	for _, name := range slices.Sorted(maps.Keys(wasiFunctions)) {
		add("wasi_snapshot_preview1", name, wasiFunctions[name])
	}
	i32 := []wasm.ValType{wasm.I32}
	b.ExportMemory("memory", b.Memory(pages, pages, false))
	b.ExportTable("__indirect_function_table",
		b.Table(wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: 1}}))
	brk := b.Global(wasm.I32, true, wasm.ConstI32(heap))
	take := func(size uint32) *wasm.Code { // never given back
		c := new(wasm.Code)
		// i32.and
		c.GlobalGet(brk).LocalGet(size).GlobalGet(brk).I32Add().I32Const(65535).I32Add().I32Const(
			-65536).Raw(0x71)
		return c.GlobalSet(brk)
	}
	b.ExportFunc("malloc", b.Func(b.Type(i32, i32), nil, take(0)))
	b.ExportFunc("memalign", b.Func(b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32), nil, take(1)))
	b.ExportFunc("free", b.Func(b.Type(i32, nil), nil, new(wasm.Code)))
	for _, name := range names {
		f := targets[name]
		c := new(wasm.Code)
		for i := range f.params {
			c.LocalGet(uint32(i))
		}
		b.ExportFunc("call "+name, b.Func(f.typ, nil, c.Call(f.index)))
	}
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func newCaller(t *testing.T, halves bool, change func(*Config) *Config) *caller {
	t.Helper()
	k := &caller{t: t}
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	t.Cleanup(func() { _ = rt.Close(ctx) })
	clock := time.Date(2026, 3, 1, 12, 34, 56, 7000, time.UTC)
	c := NewConfig().WithStdio(strings.NewReader("some input"), &k.stdout,
		&k.stderr).WithClock(func() time.Time { return clock }).
		WithRandom(bytes.NewReader(bytes.Repeat([]byte{0xAB}, 1000))).WithEnv("A",
		"b").WithEnv("HOME", "/home")
	if change != nil {
		c = change(c)
	}
	var err error
	if k.Program, err = Start(ctx, rt, callerModule(t, halves), nil, c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close(ctx) })
	return k
}

// text puts a string into the scratch area, each at a place of its own.
func (k *caller) text(i int, s string) uint64 {
	at := uint32(scratch + 8192*(i+1))
	k.put(at, s+"\x00")
	return uint64(at)
}

func (k *caller) put(at uint32, s string) {
	k.t.Helper()
	b, ok := k.Linker().View(at, uint32(len(s)))
	if !ok {
		k.t.Fatalf("no memory at %d", at)
	}
	copy(b, s)
}

func (k *caller) get(at, n uint32) string {
	b, _ := k.Linker().View(at, n)
	return string(b)
}

func (k *caller) u32(at uint32) uint32 { return binary.LittleEndian.Uint32([]byte(k.get(at, 4))) }

// call calls a function of the host. Strings are put into memory, and whole numbers passed on.
func (k *caller) call(name string, args ...any) (int32, error) {
	k.t.Helper()
	var values []uint64
	for i, a := range args {
		switch a := a.(type) {
		case string:
			values = append(values, k.text(i, a))
		case int:
			values = append(values, uint64(a))
		case uint64:
			values = append(values, a)
		default:
			k.t.Fatalf("argument %v", a)
		}
	}
	r, err := k.Call(context.Background(), "call "+name, values...)
	return first(r), err
}

func (k *caller) want(want int32, name string, args ...any) {
	k.t.Helper()
	if got, err := k.call(name, args...); err != nil || got != want {
		k.t.Errorf("%s%v is %d, %v; want %d", name, args, got, err, want)
	}
}

// write writes by a vector of two buffers.
func (k *caller) write(fd int, s string) {
	k.t.Helper()
	k.put(scratch, string(binary.LittleEndian.AppendUint32(nil, scratch+512))+"\x02\x00\x00\x00"+
		string(binary.LittleEndian.AppendUint32(nil, scratch+514))+
		string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)-2))))
	k.put(scratch+512, s)
	k.want(0, "fd_write", fd, scratch, 2, scratch+100)
	if n := k.u32(scratch + 100); int(n) != len(s) {
		k.t.Errorf("wrote %d of %q", n, s)
	}
}

func (k *caller) vector(at, n uint32) {
	k.put(scratch, string(binary.LittleEndian.AppendUint32(nil, at))+
		string(binary.LittleEndian.AppendUint32(nil, n)))
}

func (k *caller) read(fd, n int) string {
	k.t.Helper()
	k.vector(scratch+512, uint32(n))
	k.want(0, "fd_read", fd, scratch, 1, scratch+100)
	return k.get(scratch+512, k.u32(scratch+100))
}

const create = oRdWr | oCreat

func neg(e vfs.Errno) int32 { return -int32(e) }
