package libraries_test

import (
	"context"
	"io/fs"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// program is an image to be measured.
type program struct {
	b   testing.TB
	l   *linker.Linker
	lib *linker.Library
	// group is who calls; nil for the first.
	group *linker.Group
}

// start links a main module with a library, or, when library is empty, runs an executable alone.
// Both in the same linker, so that calls from Go cost the same.
func start(b *testing.B, main, library string) *program {
	b.Helper()
	return startWith(b, main, library, linker.NewRuntimeConfig(), false)
}

// startWith is start with a runtime's configuration, and with loop safepoints or without.
func startWith(b testing.TB, main, library string, runtime wazero.RuntimeConfig,
	safepoints bool) *program {
	b.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, runtime)
	b.Cleanup(func() { _ = rt.Close(ctx) })
	wasm, err := fs.ReadFile(libraries.FS(), main)
	if err != nil {
		b.Fatal(err)
	}
	p := &program{b: b, lib: linker.Default}
	config := linker.NewConfig().WithFS(libraries.FS()).WithMemoryPages(1024,
		4096).WithLoopSafepoints(safepoints)
	if p.l, err = linker.New(ctx, rt, wasm, config); err != nil {
		b.Fatal(err)
	}
	if library != "" {
		if p.lib, err = p.l.Main().Open(ctx, library); err != nil {
			b.Fatal(err)
		}
	}
	return p
}

func (p *program) call(name string, args ...uint64) uint32 {
	p.b.Helper()
	return p.callIn(p.lib, name, args...)
}

func (p *program) callIn(lib *linker.Library, name string, args ...uint64) uint32 {
	p.b.Helper()
	g := p.group
	if g == nil {
		g = p.l.Main()
	}
	r, err := g.Call(context.Background(), lib, name, args...)
	if err != nil {
		p.b.Fatal(err)
	}
	if len(r) == 0 {
		return 0
	}
	return uint32(r[0])
}

// put returns the address of a copy of a text.
func (p *program) put(text string) uint64 {
	p.b.Helper()
	address := p.callIn(linker.Default, "malloc", uint64(len(text)+1))
	view, ok := p.l.View(address, uint32(len(text)+1))
	if !ok {
		p.b.Fatal("malloc failed")
	}
	view[copy(view, text)] = 0
	return uint64(address)
}

// linkages are the two ways to link the same C code, compiled by the same compiler: as a library,
// position-independent, or into an executable.
func linkages(b *testing.B, dynamicLibrary, executable string, f func(b *testing.B, p *program)) {
	b.Run("dynamic", func(b *testing.B) { f(b, start(b, libraries.MainLibc, dynamicLibrary)) })
	b.Run("static", func(b *testing.B) { f(b, start(b, executable, "")) })
}

// BenchmarkDynamicVersusStatic measures what dynamic linking costs at run time: zlib, which
// computes in loops of its own, and Lua, which calls libc and itself through pointers all the time.
func BenchmarkDynamicVersusStatic(b *testing.B) {
	b.Run("compress", func(b *testing.B) {
		linkages(b, libraries.Zlib, libraries.StaticZ, func(b *testing.B, p *program) {
			text := strings.Repeat("Every thread sees the same code at the same place.\n", 4000)
			in := p.put(text)
			size := p.call("compressBound", uint64(len(text)))
			out, length := p.put(strings.Repeat(" ", int(size))), p.put("1234")
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				view, _ := p.l.View(uint32(length), 4)
				copy(view, []byte{byte(size), byte(size >> 8), byte(size >> 16), byte(size >> 24)})
				if code := p.call("compress2", out, length, in, uint64(len(text)), 6); code != 0 {
					b.Fatal("compress2 returns", code)
				}
			}
		})
	})
	for name, script := range map[string]string{
		"lua calls": `local function f(n) if n < 2 then return n end return f(n-1) + f(n-2) end assert(f(22) == 17711)`,
		"lua strings": `local t = {} for i = 1, 4000 do t[#t+1] = string.format("%d:%s", i, ("x"):rep(i % 20)) end
			assert(#table.concat(t, ","):gsub("x+", "y") > 0)`,
		"lua errors": `for i = 1, 1000 do assert(not pcall(error, i)) end`,
	} {
		b.Run(name, func(b *testing.B) {
			linkages(b, libraries.Lua, libraries.StaticLua, func(b *testing.B, p *program) {
				state := uint64(p.call("luaL_newstate"))
				p.call("luaL_openlibs", state)
				text, chunk := p.put(script), p.put("=benchmark")
				for b.Loop() {
					if code := p.call("luaL_loadbufferx", state, text, uint64(len(script)), chunk,
						0); code != 0 {
						b.Fatal("luaL_loadbufferx returns", code)
					}
					if code := p.call("lua_pcallk", state, 0, 0, 0, 0, 0); code != 0 {
						b.Fatal("lua_pcallk returns", code)
					}
				}
			})
		})
	}
}
