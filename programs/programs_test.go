package programs_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker"
)

// program is a linked program and what it has written.
type program struct {
	l   *linker.Linker
	g   *linker.Group
	out *bytes.Buffer
}

// output returns what was written since it was last asked.
func (p *program) output() string {
	defer p.out.Reset()
	return p.out.String()
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := fs.ReadFile(os.DirFS("testdata"), name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// link makes a program of a main module, with libraries from a folder of testdata.
func link(t testing.TB, main []byte, libs string, args ...string) *program {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	t.Cleanup(func() { _ = rt.Close(ctx) })
	p := &program{out: &bytes.Buffer{}}
	l, err := linker.New(ctx, rt, main,
		linker.NewConfig().WithFS(os.DirFS("testdata")).WithSearchPath(libs).
			WithModuleConfig(wazero.NewModuleConfig().WithArgs(append([]string{"program"},
				args...)...)).WithStdio(nil, p.out, p.out))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close(ctx) })
	p.l, p.g = l, l.Main()
	return p
}
