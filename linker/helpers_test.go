package linker_test

import (
	"context"
	"io/fs"
	"os"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
)

// fixtures is testdata as a file system.
func fixtures() fs.FS { return os.DirFS("testdata") }

// mains are the main modules of testdata with the folder of the libraries built for them.
var mains = []struct {
	name, libs string
	groups     bool // there can be several groups
}{
	{"main-pie", "threads", true},
	{"main-shared", "threads", true},
	{"main-exe", "plain", true},
	{"main-nostack", "plain", false},
}

// eachMain runs a test with every main module.
func eachMain(t *testing.T, f func(t *testing.T, i *image)) {
	for _, m := range mains {
		t.Run(m.name, func(t *testing.T) { f(t, newImage(t, m.name, m.libs, nil)) })
	}
}

// image is a linker with short ways to use its first group.
type image struct {
	testing.TB
	ctx context.Context
	rt  wazero.Runtime
	l   *linker.Linker
	g   *linker.Group
}

func readFixture(t testing.TB, name string) []byte {
	t.Helper()
	bytes, err := fs.ReadFile(fixtures(), name)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func newRuntime(t testing.TB) wazero.Runtime {
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	t.Cleanup(func() { _ = rt.Close(ctx) })
	return rt
}

// newImage links a main module of testdata; libs is the folder of its libraries. configure may
// change the configuration.
func newImage(t testing.TB, main, libs string,
	configure func(*linker.Config) *linker.Config) *image {
	t.Helper()
	return newImageIn(t, newRuntime(t), main, libs, configure)
}

func newImageIn(t testing.TB, rt wazero.Runtime, main, libs string,
	configure func(*linker.Config) *linker.Config) *image {
	t.Helper()
	ctx := context.Background()
	config := linker.NewConfig().WithFS(fixtures()).WithSearchPath(libs).WithMainName(main).
		WithParallelGroups(true). // the functions of the fixtures are made for it
		WithHostModules(append(linker.DefaultHostModules(), "test", "one", "two", "late", "slow",
			"nobody")...)
	if configure != nil {
		config = configure(config)
	}
	l, err := linker.New(ctx, rt, readFixture(t, main+".wasm"), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return &image{TB: t, ctx: ctx, rt: rt, l: l, g: l.Main()}
}

// in returns the image seen from another group.
func (i *image) in(g *linker.Group) *image {
	c := *i
	c.g = g
	return &c
}

// spawn returns the image seen from a new group.
func (i *image) spawn() *image {
	i.Helper()
	g, err := i.g.Spawn(i.ctx)
	if err != nil {
		i.Fatal(err)
	}
	return i.in(g)
}

// open opens lib<name>.wasm.
func (i *image) open(name string) *linker.Library {
	i.Helper()
	lib, err := i.g.Open(i.ctx, "lib"+name+".wasm")
	if err != nil {
		i.Fatal(err)
	}
	return lib
}

// call calls a function with at most one i32 result.
func (i *image) call(lib *linker.Library, name string, args ...int32) int32 {
	i.Helper()
	r, err := i.try(lib, name, args...)
	if err != nil {
		i.Fatal(err)
	}
	return r
}

func (i *image) try(lib *linker.Library, name string, args ...int32) (int32, error) {
	r, err := i.g.Call(i.ctx, lib, name, encode(args)...)
	if err != nil || len(r) == 0 {
		return 0, err
	}
	return int32(r[0]), nil
}

func encode(args []int32) []uint64 {
	var out []uint64
	for _, a := range args {
		out = append(out, api.EncodeI32(a))
	}
	return out
}

// want fails the test unless a call has a result.
func (i *image) want(result int32, lib *linker.Library, name string, args ...int32) {
	i.Helper()
	if got := i.call(lib, name, args...); got != result {
		i.Errorf("%s%v = %d, want %d", name, args, got, result)
	}
}

// symbol returns the pointer of a symbol.
func (i *image) symbol(lib *linker.Library, name string) uint32 {
	i.Helper()
	sym, err := i.g.Symbol(i.ctx, lib, name)
	if err != nil {
		i.Fatal(err)
	}
	return sym.Pointer
}

// unary calls an int(*)(int).
func (i *image) unary(pointer uint32, x int32) int32 {
	i.Helper()
	i32 := []api.ValueType{api.ValueTypeI32}
	r, err := i.g.CallPointer(i.ctx, pointer, i32, i32, api.EncodeI32(x))
	if err != nil {
		i.Fatal(err)
	}
	return int32(r[0])
}

// log returns what constructors have logged.
func (i *image) log() (entries []int32) {
	i.Helper()
	for k := range i.call(linker.Default, "log_length") {
		entries = append(entries, i.call(linker.Default, "log_at", k))
	}
	return entries
}
