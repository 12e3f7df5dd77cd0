package linker_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// Errors in custom sections do not make a module invalid: it loads, with and without code that is
// changed, in every group. dylink.0 is the one that matters.
//
// Source: WebAssembly Core Specification, 5.5.3.
func TestCustomSectionsDoNotMatter(t *testing.T) {
	custom := func(name string, payload ...byte) []byte {
		return rawSection(wasm.SectionCustom, append(leb.AppendName(nil, name), payload...))
	}
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f}
	for name, sections := range map[string][]byte{
		"names that end early":    custom("name", 1, 3, 1, 0, 9),
		"a name that is no UTF-8": custom("name", 1, 7, 1, 0, 4, 'c', 'a', 'f', 0xe9),
		"names twice": slices.Concat(custom("name", 0, 2, 1, 'm'),
			custom("name", 0, 2, 1, 'n')),
		"an empty section":         custom(""),
		"an empty payload":         custom("marker"),
		"names of 4 Gi functions":  custom("name", slices.Concat([]byte{1, 5}, huge)...),
		"names of 4 Gi locals":     custom("name", slices.Concat([]byte{2, 7, 1, 0}, huge)...),
		"a name of 4 GiB":          custom("name", slices.Concat([]byte{0, 5}, huge)...),
		"debugging without a line": custom(".debug_info", 1),
	} {
		t.Run(name, func(t *testing.T) {
			module := slices.Concat(library(t, wasmInfo, func(b *wasm.Builder) {
				b.ExportFunc("answer",
					b.Func(b.Type(nil, i32), nil, new(wasm.Code).Loop().End().I32Const(42)))
			}), sections)
			if err := linker.Check(module); err != nil {
				t.Error(err)
			}
			for _, polls := range []bool{false, true} {
				i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
					return c.WithLoopSafepoints(polls)
				})
				lib, err := i.g.OpenBytes(i.ctx, "odd", module)
				if err != nil {
					t.Fatalf("loop safepoints %t: %v", polls, err)
				}
				i.want(42, lib, "answer")
				i.spawn().want(42, lib, "answer")
			}
		})
	}
}

// A trap in a library whose names are damaged tells the names that are not.
func TestDamagedNamesInATrap(t *testing.T) {
	names := []byte{1, 20, 2, 0, 6, 'b', 'r', 'o', 'k', 'e', 'n', 1, 200}
	module := slices.Concat(library(t, wasmInfo, func(b *wasm.Builder) {
		b.ExportFunc("f", b.Func(b.Type(nil, nil), nil, new(wasm.Code).Unreachable()))
	}), rawSection(wasm.SectionCustom, append(leb.AppendName(nil, "name"), names...)))
	i := newImage(t, "main-pie", "threads", nil)
	lib, err := i.g.OpenBytes(i.ctx, "odd", module)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.g.Call(i.ctx, lib, "f"); err == nil ||
		!strings.Contains(err.Error(), "broken()") {
		t.Errorf("the trap does not name the function: %v", err)
	}
}
