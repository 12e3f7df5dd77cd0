package linker_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// The linker gives modules tables, functions, globals and a memory that they do not have. A
// module that names one of these by its index is refused before anything is added to it, as the
// engine refuses it alone, and nothing has changed.
func TestForeignIndices(t *testing.T) {
	type code = wasm.Code
	for _, tt := range []struct {
		name string
		code *code
	}{
		{"the table of hooks", new(code).I32Const(0).RefFunc(0).TableSet(0)},
		{"an entry of it", new(code).I32Const(0).CallIndirect(0, 0)},
		{"the function that calls it", new(code).Call(1)},
		{"the count of loops", new(code).I32Const(1 << 30).GlobalSet(0)},
		{"the memory of the image", new(code).I32Const(0).I32Const(0).I32Store(0)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
				return c.WithLoopSafepoints(true)
			})
			other := i.spawn()
			module := invalid(wasmInfo, func(b *wasm.Builder) {
				f := b.Func(b.Type(nil, nil), nil, tt.code.Loop().Br(0).End())
				b.ExportFunc("spin", f)
			})
			before := i.l.Snapshot(i.ctx)
			_, err := other.g.OpenBytes(i.ctx, "foreign", module)
			var load *linker.LoadError
			var format *wasm.FormatError
			if !errors.As(err, &load) || load.Module != "foreign" || !errors.As(err, &format) {
				t.Fatalf("%v, want a LoadError with a FormatError", err)
			}
			if format.Section != "code" || format.Offset == 0 {
				t.Errorf("the error does not say where: %v", err)
			}
			if check := linker.Check(module); check == nil || check.Error() != format.Error() {
				t.Errorf("Check: %v, Open: %v", check, format)
			}
			if after := i.l.Snapshot(i.ctx); !slices.Equal(before, after) {
				t.Errorf("the image has changed:\n%s", difference(before, after))
			}
		})
	}
}
