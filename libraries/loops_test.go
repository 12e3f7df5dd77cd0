package libraries_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"sync"
	"testing"

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

// sumOfSquares makes a table in a database of the program's own and returns what SQL says about it.
func (p *program) sumOfSquares() uint32 {
	p.b.Helper()
	word := func(address uint64) uint64 {
		b, _ := p.l.View(uint32(address), 4)
		return uint64(binary.LittleEndian.Uint32(b))
	}
	name, handle, statement := p.put(":memory:"), p.put("1234"), p.put("1234")
	if code := p.call("sqlite3_open", name, handle); code != 0 {
		p.b.Error("sqlite3_open returns", code)
		return 0
	}
	db, sum := word(handle), uint32(0)
	for _, sql := range []string{
		"CREATE TABLE t (x INTEGER PRIMARY KEY, y)",
		"WITH RECURSIVE c(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM c LIMIT 1000) INSERT " +
			"INTO t SELECT x, x * x FROM c",
		"SELECT sum(y) FROM t WHERE x IN (SELECT x FROM t ORDER BY y DESC)",
	} {
		const done, row, whole = 101, 100, 1<<32 - 1
		if code := p.call("sqlite3_prepare_v2", db, p.put(sql), whole, statement, 0); code != 0 {
			p.b.Errorf("%s: sqlite3_prepare_v2 returns %d", sql, code)
			return 0
		}
		code := p.call("sqlite3_step", word(statement))
		if code == row {
			sum = p.call("sqlite3_column_int", word(statement), 0)
			code = p.call("sqlite3_step", word(statement))
		}
		if code != done {
			p.b.Errorf("%s: sqlite3_step returns %d", sql, code)
		}
		p.call("sqlite3_finalize", word(statement))
	}
	p.call("sqlite3_close", db)
	return sum
}

// So does SQLite, in four groups at once, while a fifth opens and closes libraries.
func TestLoopSafepointsSQLite(t *testing.T) {
	ctx := context.Background()
	p := startWith(t, libraries.MainLibc, libraries.SQLite, linker.NewRuntimeConfig(), true)
	var wg sync.WaitGroup
	for n := range 4 {
		g, err := p.l.Main().Spawn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		own := *p
		own.group = g
		wg.Go(func() {
			for range 3 {
				if got := own.sumOfSquares(); got != 333833500 {
					t.Errorf("group %d: the sum is %d", n, got)
				}
			}
		})
	}
	for range 5 {
		lib, err := p.l.Main().Open(ctx, libraries.Zlib)
		if err == nil {
			err = p.l.Main().CloseLibrary(ctx, lib)
		}
		if err != nil {
			t.Error(err)
		}
	}
	wg.Wait()
}
