package programs_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// A program at fixed addresses that names a library finds it, and is found by it.
func TestMainAtFixedAddresses(t *testing.T) {
	p := link(t, read(t, "fixed.wasm"), "plain")
	code, err := p.l.Run(t.Context())
	want := "library: constructor sees 9\nmain: constructor sees 5\nmain: 39 1 5 10\nlibrary: " +
		"destructor sees 10\n"
	if got := p.output(); err != nil || code != 0 || got != want {
		t.Errorf("exit code %d, %v, output:\n%swant:\n%s", code, err, got, want)
	}
}

// A program that keeps its function table to itself loads libraries all the same, and can list
// them.
func TestMainThatExportsNothing(t *testing.T) {
	p := link(t, read(t, "static.wasm"), "plain")
	code, err := p.l.Run(t.Context())
	if got, want := p.output(), "40 60 400\n0 2 2\n7 1\n"; err != nil || code != 0 || got != want {
		t.Errorf("exit code %d, %v, output %q, want %q", code, err, got, want)
	}
}

// A program that was linked with functions of <dlfcn.h> that can do nothing, as wasi-libc has them,
// gets the linker's instead: where it calls them, by its pointers to them, and in its libraries.
func TestMainWithStubs(t *testing.T) {
	p := link(t, read(t, "stubs.wasm"), "plain")
	for _, name := range []string{"dlopen", "dlsym", "dlclose", "dlerror"} {
		x, err := p.g.Symbol(t.Context(), linker.Default, name)
		if err != nil || x.Pointer == 0 {
			t.Errorf("%s: %+v, %v", name, x, err)
		}
	}
	code, err := p.l.Run(t.Context())
	if got, want := p.output(), "1 0\nan error\n"; err != nil || code != 0 || got != want {
		t.Errorf("exit code %d, %v, output %q, want %q", code, err, got, want)
	}
}
