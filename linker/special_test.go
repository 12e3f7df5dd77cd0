package linker_test

import (
	"errors"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A toolchain's run-time functions that begin with __wasm_ are shared as any other; the start-up
// functions that each module has for itself are not.
func TestToolchainNames(t *testing.T) {
	for name, shared := range map[string]bool{
		"__wasm_setjmp":            true,
		"__wasm_setjmp_test":       true,
		"__wasm_longjmp":           true,
		"__wasm_apply_data_relocs": false,
		"__wasm_init_memory":       false,
		"_start":                   false,
	} {
		t.Run(name, func(t *testing.T) {
			i := newImage(t, "main-pie", "threads", nil)
			definer := library(t, dylink.Info{}, func(b *wasm.Builder) {
				b.ExportFunc(name, b.Func(b.Type(nil, nil), nil, new(wasm.Code)))
			})
			if _, err := i.g.OpenBytes(i.ctx, "libdefiner.wasm", definer); err != nil {
				t.Fatal(err)
			}
			user, err := i.g.OpenBytes(i.ctx, "libuser.wasm",
				library(t, dylink.Info{}, func(b *wasm.Builder) {
					imported := b.ImportFunc("env", name, b.Type(nil, nil))
					var c wasm.Code
					c.Call(imported)
					b.ExportFunc("use", b.Func(b.Type(nil, nil), nil, &c))
				}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = i.try(user, "use")
			if undefined := (*linker.UndefinedSymbolError)(nil); shared != (err == nil) ||
				(err != nil && !errors.As(err, &undefined)) {
				t.Errorf("calling %s: %v", name, err)
			}
		})
	}
}
