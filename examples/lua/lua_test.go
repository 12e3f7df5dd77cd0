package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/examples/internal/guesttest"
)

// config shares compiled code among the tests.
var config wazero.RuntimeConfig

func TestMain(m *testing.M) { os.Exit(guesttest.Run(m, &config)) }

func newEngine(t *testing.T) *Engine {
	t.Helper()
	engine, err := NewEngine(t.Context(), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return engine
}

func newState(t *testing.T, engine *Engine, thread *guest.Thread) *State {
	t.Helper()
	state, err := engine.NewState(t.Context(), thread)
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// scripts and their results.
var scripts = []struct {
	name, script string
	args         []string
	want         []string
}{
	{"nothing", "", nil, nil},
	{"values", "return 1, 2.5, 'text', nil, true, {}", nil,
		[]string{"1", "2.5", "text", "(nil)", "(boolean)", "(table)"}},
	{"arguments", "local a, b = ... return b .. a, select('#', ...)", []string{"x", "y\x00z"},
		[]string{"y\x00zx", "2"}},
	{"fibonacci",
		"local function f(n) if n < 2 then return n end return f(n-1) + f(n-2) end return f(20)",
		nil, []string{"6765"}},
	{"big integers", "return 1 << 62, math.maxinteger // 3", nil,
		[]string{"4611686018427387904", "3074457345618258602"}},
	{"library", "return string.format('%5.2f|%q', math.pi, 'a\\nb'), ('x'):rep(3, '-')", nil,
		[]string{" 3.14|\"a\\\nb\"", "x-x-x"}},
	{"caught",
		`local ok, err = pcall(function() error({code = 7}) end) return tostring(ok), err.code`,
		nil, []string{"false", "7"}},
	{"caught deep down", `
		local function down(n) if n == 0 then error("bottom", 0) end return 1 + down(n - 1) end
		local n = 0
		for i = 1, 100 do
			local ok, err = pcall(pcall, down, i)
			local again, message = select(2, pcall(pcall, down, i))
			if not again and message == "bottom" then n = n + 1 end
		end
		return n`, nil, []string{"100"}},
	{"caught in a coroutine", `
		local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(select(2, pcall(error, i))) end end)
		return co(), co(), co()`, nil, []string{"1", "2", "3"}},
	{"stack overflow", `local function f() return 1 + f() end local ok, err = pcall(f)
		return tostring(ok), tostring(err:find("stack overflow") ~= nil)`, nil,
		[]string{"false", "true"}},
	{"garbage", `local keep = {}
		for i = 1, 20000 do keep[i % 100] = {("x"):rep(i % 50), i} end
		collectgarbage() return #keep`, nil, []string{"99"}},
	{"sorting", `local t = {} for i = 1, 500 do t[i] = (i * 7919) % 503 end
		table.sort(t, function(a, b) return a > b end) return t[1], t[500]`, nil,
		[]string{"502", "1"}},
}

// runAll runs all scripts in one state.
func runAll(t *testing.T, thread *guest.Thread, state *State) {
	for _, s := range scripts {
		got, err := state.Run(t.Context(), thread, s.name, s.script, s.args...)
		if err != nil || !slices.Equal(got, s.want) {
			t.Errorf("thread %d: %s: %q, %v; want %q", thread.ID(), s.name, got, err, s.want)
		}
	}
}

// TestScripts runs them in one thread, and in four at once, each with its own state.
func TestScripts(t *testing.T) {
	for _, n := range []int{1, 4} {
		t.Run(fmt.Sprint(n, " threads"), func(t *testing.T) {
			engine := newEngine(t)
			threads, err := engine.Threads(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			for _, thread := range threads {
				state := newState(t, engine, engine.Main())
				wg.Go(func() {
					runAll(t, thread, state)
					if err := state.Close(t.Context(), thread); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

// TestStateMovesBetweenThreads uses one interpreter in one thread after the other: it is full of
// function pointers, which mean the same everywhere.
func TestStateMovesBetweenThreads(t *testing.T) {
	engine := newEngine(t)
	threads, err := engine.Threads(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	state := newState(t, engine, threads[0])
	if _, err := state.Run(t.Context(), threads[0], "setup", "n = 0; step = "+
		"coroutine.wrap(function() while true do n = n + 1; coroutine.yield(n) end end)"); err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		got, err := state.Run(t.Context(), threads[i%4], "step",
			"return step(), math.type(n), pcall(error, 'x')")
		if want := []string{fmt.Sprint(i + 1), "integer", "(boolean)", "x"}; err != nil ||
			!slices.Equal(got, want) {
			t.Fatalf("thread %d: %q, %v; want %q", i%4, got, err, want)
		}
	}
	if err := state.Close(t.Context(), threads[3]); err != nil {
		t.Error(err)
	}
}

func TestErrors(t *testing.T) {
	engine := newEngine(t)
	state := newState(t, engine, engine.Main())
	for _, tt := range []struct {
		name, script string
		want         Error
	}{
		{"raised", "local x\nerror('so it is')", Error{2, "raised:2: so it is"}},
		{"raised without a place", "error('so it is', 0)", Error{2, "so it is"}},
		{"raised object", "error({})", Error{2, "(table)"}},
		{"found by Lua", "local t = nil; return t.x",
			Error{2, "found by Lua:1: attempt to index a nil value (local 't')"}},
		{"syntax", "return return", Error{3, "syntax:1: unexpected symbol near 'return'"}},
		{"no shell", "assert(os.execute('ls'))", Error{2, "Function not implemented"}},
	} {
		_, err := state.Run(t.Context(), engine.Main(), tt.name, tt.script)
		var got *Error
		if !errors.As(err, &got) || (*got != tt.want && tt.name != "no shell") {
			t.Errorf("%s: error %v, want %v", tt.name, err, &tt.want)
		}
	}
	runAll(t, engine.Main(), state) // none of them did any harm
}

// TestGoFunctions calls Go from Lua, in four threads at once; and Go calls Lua again from there.
func TestGoFunctions(t *testing.T) {
	engine := newEngine(t)
	threads, err := engine.Threads(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	upper := func(_ context.Context, args []string) ([]string, error) {
		if len(args) == 0 {
			return nil, errors.New("nothing to do")
		}
		for i := range args {
			args[i] = strings.ToUpper(args[i])
		}
		return args, nil
	}
	var wg sync.WaitGroup
	for _, thread := range threads {
		wg.Go(func() {
			state, err := engine.NewState(t.Context(), thread)
			if err != nil {
				t.Error(err)
				return
			}
			inner := func(ctx context.Context, args []string) ([]string, error) {
				return state.Run(ctx, thread, "inner", "return (...) * 2", args...)
			}
			for name, f := range map[string]Function{"upper": upper, "twice": inner} {
				if err := state.Register(t.Context(), thread, name, f); err != nil {
					t.Error(err)
				}
			}
			for range 20 {
				got, err := state.Run(t.Context(), thread, "outer", `
					local ok, message = pcall(function() upper() end)
					return upper("a", 1.5), tostring(ok), message, select("#", upper("b", "c")), twice(21), 4`)
				want := []string{"A", "false", "outer:2: nothing to do", "2", "42", "4"}
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("thread %d: %q, %v; want %q", thread.ID(), got, err, want)
				}
			}
			_, err = state.Run(t.Context(), thread, "uncaught", "upper()")
			var raised *Error
			if !errors.As(err, &raised) || raised.Message != "uncaught:1: nothing to do" {
				t.Errorf("thread %d: error %v", thread.ID(), err)
			}
		})
	}
	wg.Wait()
}

func TestCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hello.lua")
	script := `print("hello", ..., sha256("abc"):sub(1, 8))
		io.write("no", " newline")`
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	if err := command(t.Context(), config, []string{file, "world"}, nil, &stdout,
		&stderr); err != nil {
		t.Fatal(err)
	}
	if got, want := stdout.String(), "hello\tworld\tba7816bf\nno newline"; got != want ||
		stderr.Len() > 0 {
		t.Errorf("prints %q, want %q; to standard error %q", got, want, &stderr)
	}
	err := command(t.Context(), config, []string{"-"}, strings.NewReader("sha256()"), io.Discard,
		io.Discard)
	if err == nil || err.Error() != "lua: stdin:1: sha256: 0 arguments, want one" {
		t.Errorf("error %v", err)
	}
	if err := command(t.Context(), config, []string{file + ".none"}, nil, io.Discard,
		io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := command(t.Context(), config, nil, nil, io.Discard, io.Discard); err == nil {
		t.Error("no file is no error")
	}
}
