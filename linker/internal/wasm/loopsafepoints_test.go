package wasm

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

const pollFeatures = api.CoreFeaturesV2 | experimental.CoreFeaturesThreads |
	experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst |
	experimental.CoreFeaturesExceptionHandling

var pollCount = Import{Module: "polls", Name: "count"}

// poller runs hooked modules: it has what they count, and notes how often they call because they
// are done.
type poller struct {
	rt    wazero.Runtime
	count api.Module
	calls int
}

func newPoller(t testing.TB) *poller {
	ctx := context.Background()
	p := &poller{rt: wazero.NewRuntimeWithConfig(ctx,
		wazero.NewRuntimeConfig().WithCoreFeatures(pollFeatures))}
	t.Cleanup(func() { _ = p.rt.Close(ctx) })
	_, err := p.rt.NewHostModuleBuilder("host").NewFunctionBuilder().WithFunc(func() {
		p.calls++
	}).Export("look").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var b Builder
	b.ExportGlobal("count", b.Global(I32, true, ConstI32(0)))
	p.count = p.run(t, mustBytes(t, &b), pollCount.Module)
	return p
}

func mustBytes(t testing.TB, b *Builder) []byte {
	t.Helper()
	bytes, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}

func (p *poller) run(t testing.TB, b []byte, name string) api.Module {
	t.Helper()
	compiled, err := p.rt.CompileModule(context.Background(), b)
	if err != nil {
		t.Fatal(err)
	}
	mod, err := p.rt.InstantiateModule(context.Background(), compiled,
		wazero.NewModuleConfig().WithName(name))
	if err != nil {
		t.Fatal(err)
	}
	return mod
}

// raise makes every count the last, or none.
func (p *poller) raise(up bool) {
	p.count.ExportedGlobal("count").(api.MutableGlobal).Set(map[bool]uint64{false: 1 << 30}[up])
}

// hooked runs a module with polls. Its table is filled if that is wanted.
func (p *poller) hooked(t testing.TB, b []byte, name string, fill bool) api.Module {
	t.Helper()
	out, found, err := HookPolls(b, pollCount, "hooks")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	mod := p.run(t, out, name)
	if fill {
		var b Builder
		look := b.ImportFunc("host", "look", b.Type(nil, nil))
		b.ActiveFuncs(b.ImportTable(name, "hooks", TableType{Elem: FuncRef}), ConstI32(0), look)
		p.run(t, mustBytes(t, &b), "filler of "+name)
	}
	return mod
}

// How often a module looks: once in each round of a loop, and when a function begins that calls.
func TestHookPollsLooks(t *testing.T) {
	var b Builder
	one := b.Type([]ValType{I32}, []ValType{I32})
	rounds := new(Code).Loop().LocalGet(0).I32Const(1).I32Sub().LocalTee(0).BrIf(0).End().LocalGet(
		0)
	loop := b.Func(one, nil, rounds)
	leaf := b.Func(one, nil, new(Code).LocalGet(0))
	table := b.Table(TableType{Elem: FuncRef, Limits: Limits{Min: 1}})
	b.ActiveFuncs(table, ConstI32(0), leaf)
	b.ExportFunc("loop", loop)
	b.ExportFunc("leaf", leaf)
	b.ExportFunc("call", b.Func(one, nil, new(Code).LocalGet(0).Call(leaf)))
	b.ExportFunc("indirect",
		b.Func(one, nil, new(Code).LocalGet(0).I32Const(0).CallIndirect(one, table)))
	b.ExportFunc("tail", b.Func(one, nil, new(Code).LocalGet(0).Raw(opReturnCall, byte(leaf))))
	b.ExportFunc("tail_indirect",
		b.Func(one, nil, new(Code).LocalGet(0).I32Const(0).Raw(opReturnCallIndirect, byte(one),
			byte(table))))
	p, ctx := newPoller(t), context.Background()
	file := mustBytes(t, &b)
	empty, full := p.hooked(t, file, "empty", false), p.hooked(t, file, "full", true)
	for _, up := range []bool{true, false} {
		p.raise(up)
		for name, looks := range map[string]int{"loop": 7, "leaf": 0, "call": 1, "indirect": 1,
			"tail": 1, "tail_indirect": 1} {
			for mod, want := range map[api.Module]int{empty: 0, full: looks} {
				if !up {
					want = 0
				}
				p.calls = 0
				if _, err := mod.ExportedFunction(name).Call(ctx, 7); err != nil ||
					p.calls != want {
					t.Errorf("%s, last %t: %d looks, want %d; %v", name, up, p.calls, want, err)
				}
			}
		}
	}
}

// A module's own globals move up, wherever they are named.
func TestHookPollsGlobals(t *testing.T) {
	var b Builder
	base := b.ImportGlobal("env", "base", GlobalType{Type: I32})
	get := b.Type(nil, []ValType{I32})
	own := b.Global(I32, true, ConstI32(40))
	derived := b.Global(I32, false, Const(ConstI32Add, ConstGlobal(base), ConstI32(2)))
	b.Memory(1, 1, false)
	b.ActiveData(ConstGlobal(base), []byte{9})
	f := b.Func(get, nil,
		new(Code).Block().Loop().End().End().GlobalGet(own).GlobalGet(derived).I32Add().GlobalGet(
			base).I32Add().
			GlobalGet(base).I32Load8U(0).I32Add().I32Const(1).GlobalSet(own))
	b.ExportFunc("sum", f)
	b.ExportGlobal("own", own)
	b.ExportGlobal("base", base)
	b.Custom(".debug_line", []byte{1})
	p, ctx := newPoller(t), context.Background()
	var env Builder
	env.ExportGlobal("base", env.Global(I32, false, ConstI32(100)))
	p.run(t, mustBytes(t, &env), "env")
	file := mustBytes(t, &b)
	mod := p.hooked(t, file, "m", true)
	if r, err := mod.ExportedFunction("sum").Call(ctx); err != nil || r[0] != 40+102+100+9 {
		t.Errorf("sum: %v, %v", r, err)
	}
	if v := mod.ExportedGlobal("own").Get(); v != 1 {
		t.Errorf("own: %d", v)
	}
	if v := mod.ExportedGlobal("base").Get(); v != 100 {
		t.Errorf("base: %d", v)
	}
	out, _, _ := HookPolls(file, pollCount, "hooks")
	m, err := Decode(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m.Custom(".debug_line"); ok {
		t.Error("wrong line numbers are kept")
	}
}

// Constant expressions may name a module's own globals, too; the engine has no such modules yet.
func TestHookPollsConstants(t *testing.T) {
	var b Builder
	base := b.ImportGlobal("env", "base", GlobalType{Type: I32})
	own := b.Global(I32, false, ConstI32(40))
	f := b.Global(FuncRef, false, ConstNull(FuncRef))
	sum := Const(ConstI32Add, ConstGlobal(base), ConstGlobal(own))
	b.Global(I32, false, sum)
	b.Memory(1, 1, false)
	b.ActiveData(sum, []byte{9})
	table := b.Table(TableType{Elem: FuncRef, Limits: Limits{Min: 1}})
	b.Element(Element{Mode: Active, Table: table, Offset: sum, Type: FuncRef,
		Exprs: []ConstExpr{ConstGlobal(f)}})
	b.ExportFunc("loop", b.Func(b.Type(nil, nil), nil, new(Code).Loop().End()))
	out, _, err := HookPolls(mustBytes(t, &b), pollCount, "hooks")
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(out)
	if err != nil {
		t.Fatal(err)
	}
	const want = "global.get 0; global.get 2; i32.add"
	for what, got := range map[string]ConstExpr{"global": m.Globals[2].Init,
		"data": m.Data[0].Offset, "elements": m.Elements[0].Offset} {
		if got.String() != want {
			t.Errorf("%s: %v, want %s", what, got, want)
		}
	}
	if got := m.Elements[0].Exprs[0].String(); got != "global.get 3" {
		t.Errorf("element: %s", got)
	}
}

func TestHookPollsErrors(t *testing.T) {
	var taken *RewriteError
	var b Builder
	b.ExportFunc("hooks", b.Func(b.Type(nil, nil), nil, new(Code).Loop().End()))
	if _, _, err := HookPolls(mustBytes(t, &b), pollCount, "hooks"); !errors.As(err, &taken) {
		t.Errorf("a name that is taken: %v", err)
	}
	var format *FormatError
	if _, _, err := HookPolls([]byte{0xfe, 0x00, 0x00}, pollCount, "hooks"); !errors.As(err,
		&format) {
		t.Errorf("no module: %v", err)
	}
	var plain Builder
	plain.ExportFunc("f", plain.Func(plain.Type(nil, nil), nil, new(Code)))
	for name, b := range map[string][]byte{"no code": []byte(magic + "\x01\x00\x00\x00"),
		"no loop": mustBytes(t, &plain)} {
		if out, found, err := HookPolls(b, pollCount, "hooks"); found || err != nil ||
			!bytes.Equal(out, b) {
			t.Errorf("%s: %t, %v", name, found, err)
		}
	}
}

// Whatever a compiler made is valid with polls, too, and has one for each loop.
func TestHookPollsFixtures(t *testing.T) {
	files, err := filepath.Glob("../../testdata/*/*.wasm")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d fixtures, %v", len(files), err)
	}
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx,
		wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(pollFeatures))
	defer rt.Close(ctx)
	hooked := 0
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out, found, err := HookPolls(b, pollCount, "hooks")
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			continue
		}
		hooked++
		if _, err := rt.CompileModule(ctx, out); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		m, err := Decode(out)
		if err != nil {
			t.Fatal(err)
		}
		was, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if loops, looks := countPolls(t, m, out, uint32(was.Count(KindFunc))); looks < loops {
			t.Errorf("%s: %d loops, %d looks", file, loops, looks)
		}
	}
	if hooked < 40 {
		t.Errorf("only %d fixtures loop or call", hooked)
	}
}

// countPolls returns how many loops a hooked module has, and how many calls of the function that
// looks.
func countPolls(t *testing.T, m *Module, b []byte, look uint32) (loops, looks int) {
	s, _ := m.Section(SectionCode)
	r := leb.NewReader(b[s.Payload:s.End])
	for n := r.U32("count"); n > 0; n-- {
		body := r.Bytes(r.U32("size"), "body")
		err := walk(body, func(i instruction) {
			switch {
			case i.opcode == opLoop:
				loops++
			case i.opcode == opCall && leb.NewReader(body[i.start+1:]).U32("function") == look:
				looks++
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return loops, looks
}

// A module with polls computes what it computed without, whether it calls at each count or never.
func TestHookPollsSameResults(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		file := generate(rt)
		p, ctx := newPoller(t), context.Background()
		defer p.rt.Close(ctx)
		args := []uint64{uint64(rapid.Uint32().Draw(rt, "a")), uint64(rapid.Uint32().Draw(rt, "b"))}
		type outcome struct {
			result, first, second uint64
			trap                  bool
			memory                string
		}
		run := func(mod api.Module) outcome {
			r, err := mod.ExportedFunction("run").Call(ctx, args...)
			m, _ := mod.Memory().Read(0, 64)
			o := outcome{first: mod.ExportedGlobal("g0").Get(),
				second: mod.ExportedGlobal("g1").Get(), trap: err != nil, memory: string(m)}
			if err == nil {
				o.result = r[0]
			}
			return o
		}
		want := run(p.run(t, file, "plain"))
		for _, up := range []bool{false, true} {
			p.raise(up)
			p.calls = 0
			if got := run(p.hooked(t, file, map[bool]string{true: "up", false: "down"}[up],
				true)); got != want {
				rt.Fatalf("last %t: %+v, want %+v", up, got, want)
			}
			if up == (p.calls == 0) {
				rt.Fatalf("last %t: %d looks", up, p.calls)
			}
		}
	})
}
