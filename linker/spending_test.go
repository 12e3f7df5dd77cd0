package linker_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// A library's own tables have a limit when it is loaded, and when it makes them grow.
func TestOwnTableLimit(t *testing.T) {
	for _, polls := range []bool{false, true} {
		i := newImage(t, "main-pie", "threads", func(c *linker.Config) *linker.Config {
			return c.WithMaxOwnTables(100).WithLoopSafepoints(polls)
		})
		own := func(min uint32) []byte {
			return library(t, dylink.Info{}, func(b *wasm.Builder) {
				table := b.Table(wasm.TableType{Elem: wasm.FuncRef, Limits: wasm.Limits{Min: min}})
				var c wasm.Code
				b.ExportFunc("grow",
					b.Func(b.Type(i32, i32), nil,
						c.RefNull(wasm.FuncRef).LocalGet(0).TableGrow(table)))
			})
		}
		if _, err := i.g.OpenBytes(i.ctx, "large",
			own(101)); !limited("tables of its own (entries)", 100)(err) {
			t.Errorf("a table of 101 entries: %v", err)
		}
		lib, err := i.g.OpenBytes(i.ctx, "small", own(10))
		if err != nil {
			t.Fatal(err)
		}
		i.want(-1, lib, "grow", 100_000_000)
		i.want(-1, lib, "grow", 91)
		i.want(10, lib, "grow", 90)
	}
}

// Data that every group would copy has a limit.
func TestStartDataLimit(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithMaxStartData(100) })
	start := func(size uint32) []byte {
		return library(t, dylink.Info{MemorySize: size},
			func(b *wasm.Builder) { b.Start(b.Func(b.Type(nil, nil), nil, nil)) })
	}
	_, err := i.g.OpenBytes(i.ctx, "large", start(101))
	if !limited("data area of a module with a start function (bytes)", 100)(err) {
		t.Errorf("101 bytes: %v", err)
	}
	if _, err := i.g.OpenBytes(i.ctx, "small", start(100)); err != nil {
		t.Errorf("100 bytes: %v", err)
	}
}

// The cache of unloaded code counts machine code: few bytes that become much are not kept.
func TestCodeCacheCountsMachineCode(t *testing.T) {
	i := newImage(t, "main-pie", "threads",
		func(c *linker.Config) *linker.Config { return c.WithCodeCache(1 << 20) })
	idle := func(name string, locals int) int {
		lib, err := i.g.OpenBytes(i.ctx, name, library(t, dylink.Info{}, func(b *wasm.Builder) {
			b.Func(b.Type(nil, nil), slices.Repeat(i32, locals), nil)
			b.ExportFunc(name, b.Func(b.Type(nil, nil), nil, nil))
		}))
		if err != nil {
			t.Fatal(err)
		}
		before := i.l.IdleCodes()
		if err := i.g.CloseLibrary(i.ctx, lib); err != nil {
			t.Fatal(err)
		}
		return i.l.IdleCodes() - before
	}
	if n := idle("few", 10); n != 1 {
		t.Errorf("%d modules are kept of a small library", n)
	}
	if n := idle("many", 50_000); n != 1 { // 400 kB
		t.Errorf("%d modules are kept of a larger library", n)
	}
	for k := range 20 {
		idle(fmt.Sprint("many", k), 50_000-k)
	}
	if n := i.l.IdleCodes(); n > 5 {
		t.Errorf("%d modules are kept", n)
	}
}
