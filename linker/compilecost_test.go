package linker_test

import (
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// What would take too long to compile is refused before it is compiled.
func TestCompileCostLimit(t *testing.T) {
	row := func(functions, blocks int) []byte {
		return library(t, dylink.Info{}, func(b *wasm.Builder) {
			for range functions {
				c := new(wasm.Code)
				for range blocks {
					c.Block().LocalGet(0).BrIf(0).End()
				}
				b.Func(b.Type(i32, nil), nil, c)
			}
		})
	}
	const library = "estimated time to compile a library (microseconds)"
	const function = "estimated time to compile a function (microseconds)"
	for _, tt := range []struct {
		name                    string
		config                  func(*linker.Config) *linker.Config
		manySmall, few, oneHuge string // which limit refuses it
	}{
		{"library", func(c *linker.Config) *linker.Config {
			return c.WithMaxCompileCost(100 * time.Millisecond)
		}, library, "", library},
		{"function", func(c *linker.Config) *linker.Config {
			return c.WithMaxFunctionCost(100 * time.Millisecond)
		}, "", "", function},
	} {
		b := newBooks(newRuntime(t))
		i := newImageIn(t, b, "main-pie", "threads", tt.config)
		for what, c := range map[string]struct {
			file  []byte
			limit string
		}{
			"many": {row(1000, 10), tt.manySmall}, "few": {row(1, 10), tt.few},
			"huge": {row(1, 10000), tt.oneHuge},
		} {
			compiled := b.compilations()
			_, err := i.g.OpenBytes(i.ctx, what, c.file)
			switch {
			case c.limit == "" && err != nil:
				t.Errorf("%s, %s: %v", tt.name, what, err)
			case c.limit == "":
			case !limited(c.limit, 100_000)(err):
				t.Errorf("%s, %s: %v", tt.name, what, err)
			case b.compilations() > compiled:
				t.Errorf("%s, %s: it was compiled", tt.name, what)
			}
		}
	}
}
