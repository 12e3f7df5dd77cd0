package programs_test

import "testing"

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
