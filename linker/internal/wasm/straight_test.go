package wasm

import (
	"context"
	"testing"

	"github.com/tetratelabs/wazero/api"
	"pgregory.net/rapid"
)

// ticker draws code without loops that counts what it executes, in a global.
type ticker struct {
	t     *rapid.T
	steps uint32 // the global
	tag   uint32
	left  int // statements
}

// tickSize is how many instructions count one step.
const tickSize = 4

func (k *ticker) ticks(c *Code, n int) {
	for range n {
		c.GlobalGet(k.steps).I32Const(1).I32Add().GlobalSet(k.steps)
	}
}

// condition pushes a bit of the parameter, which becomes that of the next time.
func (k *ticker) condition(c *Code) {
	// rotated to the right, and
	c.LocalGet(0).I32Const(1).Raw(0x78).LocalTee(0).I32Const(1).Raw(0x71)
}

func (k *ticker) statements(c *Code, depth int) {
	for n := rapid.IntRange(1, 4).Draw(k.t, "statements"); n > 0 && k.left > 0; n-- {
		k.left--
		k.statement(c, depth)
		k.ticks(c, rapid.SampledFrom([]int{0, 1, 50, 100, 200, 250, 300}).Draw(k.t, "ticks"))
	}
}

func (k *ticker) statement(c *Code, depth int) {
	kind := rapid.IntRange(0, 5).Draw(k.t, "kind")
	if depth > 4 {
		kind = 0
	}
	switch kind {
	case 0:
		k.ticks(c, 60)
	case 1: // a jump forwards
		c.Block()
		k.statements(c, depth+1)
		k.condition(c)
		c.BrIf(0)
		k.statements(c, depth+1)
		c.Br(0)
		k.ticks(c, 300)
		c.End()
	case 2:
		k.condition(c)
		c.If()
		k.statements(c, depth+1)
		c.Else()
		k.statements(c, depth+1)
		c.End()
	case 3:
		k.condition(c)
		c.If()
		k.statements(c, depth+1)
		c.End()
	case 4:
		c.Block().Block().Block()
		k.statements(c, depth+1)
		k.condition(c)
		c.Raw(opBrTable, 2, 0, 1, 2).End()
		k.statements(c, depth+1)
		c.Br(1).End()
		k.statements(c, depth+1)
		c.End()
	case 5: // what is thrown comes from anywhere
		c.Block().Raw(opTryTable, 0x40, 1, catchTag, byte(k.tag), 0)
		k.statements(c, depth+1)
		k.condition(c)
		c.If().Throw(k.tag).End()
		k.statements(c, depth+1)
		c.Raw(opEnd).End()
	}
}

// Between two counts so much is executed at most, whatever paths code takes that neither loops nor
// calls; and code that is short does not count at all.
func TestStraightCodeCounts(t *testing.T) {
	p, ctx := newPoller(t), context.Background()
	var module api.Module
	var last, most uint64
	look := func() {
		now := module.ExportedGlobal("steps").Get()
		last, most = now, max(most, now-last)
	}
	_, err := p.rt.NewHostModuleBuilder("watch").NewFunctionBuilder().WithFunc(look).Export(
		"look").Instantiate(ctx)
	if err != nil {
		t.Fatal(err)
	}
	longest := uint64(0)
	rapid.Check(t, func(rt *rapid.T) {
		var b Builder
		k := &ticker{t: rt, tag: b.Tag(b.Type(nil, nil)), left: 60}
		k.steps = b.Global(I32, true, ConstI32(0))
		var c Code
		k.statements(&c, 0)
		k.ticks(&c, 300)
		b.ExportFunc("run", b.Func(b.Type([]ValType{I32}, nil), nil, &c))
		b.ExportGlobal("steps", k.steps)
		out, found, err := HookPolls(mustBytes(t, &b), pollCount, "hooks")
		if err != nil || !found {
			rt.Fatal(found, err)
		}
		module = p.run(t, out, "ticker")
		defer module.Close(ctx)
		var fill Builder
		f := fill.ImportFunc("watch", "look", fill.Type(nil, nil))
		fill.ActiveFuncs(fill.ImportTable("ticker", "hooks", TableType{Elem: FuncRef}), ConstI32(0),
			f)
		filler := p.run(t, mustBytes(t, &fill), "filler")
		defer filler.Close(ctx)
		p.raise(true)
		last, most = 0, 0
		if _, err := module.ExportedFunction("run").Call(ctx,
			uint64(rapid.Uint32().Draw(rt, "path"))); err != nil {
			rt.Fatal(err)
		}
		look()
		if most*tickSize > straightMost+straightCall {
			rt.Fatalf("%d instructions without a count", most*tickSize)
		}
		longest = max(longest, last)
	})
	if longest*tickSize < 4*straightMost {
		t.Errorf("no path was long: %d instructions at most", longest*tickSize)
	}
}

// A short function does not count; its callers count for it.
func TestShortFunctionsDoNotCount(t *testing.T) {
	var b Builder
	one := b.Type([]ValType{I32}, []ValType{I32})
	body := func(n int) *Code {
		c := new(Code).LocalGet(0)
		for range n {
			c.I32Const(1).I32Add()
		}
		return c
	}
	short := b.Func(one, nil, body((straightLeaf-10)/2))
	calls := new(Code).LocalGet(0)
	for range 10 * straightMost / straightCall {
		calls.Call(short)
	}
	b.ExportFunc("short", short)
	b.ExportFunc("long", b.Func(one, nil, body(5*straightMost/2)))
	b.ExportFunc("calls", b.Func(one, nil, calls))
	p, ctx := newPoller(t), context.Background()
	mod := p.hooked(t, mustBytes(t, &b), "m", true)
	p.raise(true)
	for name, looks := range map[string]int{"short": 0, "long": 5, "calls": 11} {
		p.calls = 0
		if _, err := mod.ExportedFunction(name).Call(ctx, 7); err != nil || p.calls != looks {
			t.Errorf("%s: %d looks, want %d; %v", name, p.calls, looks, err)
		}
	}
}
