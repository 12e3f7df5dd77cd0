package linker_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
)

// An error within another one loses the prefix of the package, and a name never loses a part that
// looks like it.
func TestErrorPrefixes(t *testing.T) {
	const name = "linker: coord: x"
	load := func(err error) error { return &linker.LoadError{Module: "a", Err: err} }
	undefined := &linker.UndefinedSymbolError{Module: name, Symbol: name}
	const bare = `module "linker: coord: x": undefined symbol "linker: coord: x"`
	for _, c := range []struct {
		err  error
		want string
	}{
		{undefined, "linker: " + bare},
		{load(undefined), "linker: load a: " + bare},
		{load(load(undefined)), "linker: load a: load a: " + bare},
		{load(fmt.Errorf("linker: import shim: %w", undefined)),
			"linker: load a: import shim: " + bare},
		{load(fmt.Errorf("start f failed: %w", undefined)), "linker: load a: start f failed: " +
			bare},
		{load(fmt.Errorf("%w (recovered by wazero)\nwasm stack trace:\n\tlinker: f()", undefined)),
			"linker: load a: " + bare + " (recovered by wazero)\nwasm stack trace:\n\tlinker: f()"},
		{load(errors.Join(linker.ErrClosed, undefined)), "linker: load a: closed\n" + bare},
		{load(fmt.Errorf("%w: %w", linker.ErrPoisoned, undefined)),
			"linker: load a: " + strings.TrimPrefix(linker.ErrPoisoned.Error(), "coord: ") + ": " +
				bare},
		{load(fmt.Errorf("linker: host %q: %w", "linker: closed", linker.ErrClosed)),
			`linker: load a: host "linker: closed": closed`},
		{&linker.ThreadError{Thread: 1, Err: undefined}, "linker: thread 1: " + bare},
		{&linker.DestructorError{Module: name, Err: undefined},
			`linker: module "linker: coord: x": destructor 0: ` + bare},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q,\nwant %q", got, c.want)
		}
	}
}
