package linker_test

import (
	"context"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Guests import from the modules of the host that the configuration names, and from env; not from
// any other that the runtime happens to have. This holds for the main module, too.
func TestHostModules(t *testing.T) {
	b := newBooks(newRuntime(t))
	for _, name := range []string{"env", "private", "shared"} {
		hostModule(t, b, name, map[string]func(context.Context, int32) int32{"add": adds(1)})
	}
	i := newImageIn(t, b, "main-pie", "threads", func(c *linker.Config) *linker.Config {
		return c.WithHostModules(append(linker.DefaultHostModules(), "shared")...)
	})
	before, compiled := ledger(i, b), b.compilations()
	for _, name := range []string{"private", "nosuch", "GOT.mem", "Env", "shared2"} {
		_, err := i.g.OpenBytes(i.ctx, "lib", callsAll(t, [2]string{name, "add"}))
		if !is(func(e *linker.HostModuleError) bool {
			return e.Module == "lib" && e.Namespace == name && e.Name == "add"
		})(err) {
			t.Errorf("import from %q: %v", name, err)
		}
	}
	if n := b.compilations() - compiled; n > 0 {
		t.Errorf("%d modules were compiled", n)
	}
	if after := ledger(i, b); !slices.Equal(before, after) {
		t.Errorf("the image has changed:\n%s", difference(before, after))
	}
	for _, name := range []string{"env", "shared"} {
		if _, err := i.g.OpenBytes(i.ctx, name, callsAll(t, [2]string{name, "add"})); err != nil {
			t.Errorf("import from %q: %v", name, err)
		}
	}
	_, err := linker.New(i.ctx, b, library(t, dylink.Info{}, func(b *wasm.Builder) {
		b.ImportFunc("private", "add", b.Type(nil, nil))
	}), nil)
	if !is(func(e *linker.HostModuleError) bool {
		return e.Module == "main" && e.Namespace == "private"
	})(err) {
		t.Errorf("a main module: %v", err)
	}
}

// A module with more imports than may be is refused before it is compiled.
func TestManyImports(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxImports(8) })
	open := func(n int) error {
		_, err := i.g.OpenBytes(i.ctx, "lib",
			callsAll(t, slices.Repeat([][2]string{{"env", "f"}}, n)...))
		return err
	}
	if err := open(9); !is(func(e *linker.LimitError) bool {
		return e.Limit == "imports" && e.Value == 9 && e.Max == 8
	})(err) {
		t.Errorf("nine imports: %v", err)
	}
	if err := open(8); err != nil {
		t.Errorf("eight imports: %v", err)
	}
}
