package libraries_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

const fibonacci = `local function f(n) if n < 2 then return n end return f(n-1) + f(n-2) end return f(22)`

// compress returns a text as zlib compresses it.
func (p *program) compress(text string) []byte {
	p.b.Helper()
	size := p.call("compressBound", uint64(len(text)))
	in, out, length := p.put(text), p.put(strings.Repeat(" ", int(size))), p.put("1234")
	return p.compressInto(in, uint64(len(text)), out, size, length)
}

func (p *program) compressInto(in, n, out uint64, size uint32, length uint64) []byte {
	view, _ := p.l.View(uint32(length), 4)
	copy(view, []byte{byte(size), byte(size >> 8), byte(size >> 16), byte(size >> 24)})
	if code := p.call("compress2", out, length, in, n, 6); code != 0 {
		p.b.Fatal("compress2 returns", code)
	}
	used := uint32(view[0]) | uint32(view[1])<<8 | uint32(view[2])<<16
	b, _ := p.l.View(uint32(out), used)
	return b
}

// lua returns the number that a script does, run in a state.
func (p *program) lua(state uint64, script string) uint32 {
	p.b.Helper()
	text, chunk := p.put(script), p.put("=test")
	if code := p.call("luaL_loadbufferx", state, text, uint64(len(script)), chunk, 0); code != 0 {
		p.b.Fatal("luaL_loadbufferx returns", code)
	}
	if code := p.call("lua_pcallk", state, 0, 1, 0, 0, 0); code != 0 {
		p.b.Fatal("lua_pcallk returns", code)
	}
	const top = 1<<64 - 1
	result := p.call("lua_tointegerx", state, top&(1<<32-1), 0)
	p.call("lua_settop", state, 0)
	return result
}

// Libraries compute the same with loop safepoints as without, in four groups.
func TestLoopSafepoints(t *testing.T) {
	ctx := context.Background()
	text := strings.Repeat("Every thread sees the same code at the same place.\n", 400)
	var want []byte
	for _, on := range []bool{false, true} {
		z := startWith(t, libraries.MainLibc, libraries.Zlib, linker.NewRuntimeConfig(), on)
		l := startWith(t, libraries.MainLibc, libraries.Lua, linker.NewRuntimeConfig(), on)
		for n := range 4 {
			if n > 0 {
				for _, p := range []*program{z, l} {
					g, err := p.l.Main().Spawn(ctx)
					if err != nil {
						t.Fatal(err)
					}
					p.group = g
				}
			}
			got := bytes.Clone(z.compress(text))
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("safepoints %t, group %d: compressed to %d other bytes", on, n, len(got))
			}
			state := uint64(l.call("luaL_newstate"))
			l.call("luaL_openlibs", state)
			if got := l.lua(state, fibonacci); got != 17711 {
				t.Errorf("safepoints %t, group %d: fibonacci of 22 is %d", on, n, got)
			}
			caught := `local n = 0 for i = 1, 100 do if not pcall(error, i) then n = n + 1 end end return n`
			if got := l.lua(state, caught); got != 100 {
				t.Errorf("safepoints %t, group %d: %d errors were caught", on, n, got)
			}
		}
	}
}

// BenchmarkLoopSafepoints measures what it costs that guests can be stopped: not at all, by the linker, and by wazero.
func BenchmarkLoopSafepoints(b *testing.B) {
	for _, c := range []struct {
		name    string
		runtime wazero.RuntimeConfig
		on      bool
	}{
		{"off", linker.NewRuntimeConfig(), false},
		{"on", linker.NewRuntimeConfig(), true},
		{"wazero close on context done", linker.NewRuntimeConfig().WithCloseOnContextDone(true), false},
	} {
		b.Run("compress/"+c.name, func(b *testing.B) {
			p := startWith(b, libraries.MainLibc, libraries.Zlib, c.runtime, c.on)
			text := strings.Repeat("Every thread sees the same code at the same place.\n", 4000)
			size := p.call("compressBound", uint64(len(text)))
			in, out, length := p.put(text), p.put(strings.Repeat(" ", int(size))), p.put("1234")
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				p.compressInto(in, uint64(len(text)), out, size, length)
			}
		})
		b.Run("lua/"+c.name, func(b *testing.B) {
			p := startWith(b, libraries.MainLibc, libraries.Lua, c.runtime, c.on)
			state := uint64(p.call("luaL_newstate"))
			for b.Loop() {
				p.lua(state, fibonacci)
			}
		})
	}
}
