package linker_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// asksFor returns a configuration with functions that are named add_ and add as many as they have
// parameters, and what has been asked for.
func asksFor(asked *[]string) func(*linker.Config) *linker.Config {
	find := func(namespace, name string, params, results []api.ValueType) api.GoModuleFunction {
		*asked = append(*asked, namespace+"."+name)
		if !strings.HasPrefix(name, "add_") || len(results) != 1 {
			return nil
		}
		n := uint64(len(params))
		return api.GoModuleFunc(func(_ context.Context, mod api.Module, stack []uint64) {
			if mod.Memory() == nil {
				panic("no memory")
			}
			stack[0] += n
		})
	}
	return func(c *linker.Config) *linker.Config { return c.WithHostFunctions(find) }
}

// Functions of Go code are found by what a module imports, in every group, and each signature is a
// function of its own.
func TestHostFunctionsAsImported(t *testing.T) {
	var asked []string
	i := newImageIn(t, newRuntime(t), "main-pie", "threads", asksFor(&asked))
	other := i.spawn()
	asked = nil
	calls := callsAll(t, [2]string{"env", "add_"}, [2]string{"wasi_snapshot_preview1", "add_more"},
		[2]string{"env", "nobodys"})
	lib, err := i.g.OpenBytes(i.ctx, "calls", calls)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(asked, " "),
		"env.add_ wasi_snapshot_preview1.add_more env.nobodys"; got != want {
		t.Errorf("asked for %q, want %q", got, want)
	}
	two, err := i.g.OpenBytes(i.ctx, "two", library(t, dylink.Info{}, func(b *wasm.Builder) {
		typ := b.Type([]wasm.ValType{wasm.I32, wasm.I32}, i32)
		index := b.ImportFunc("env", "add_", typ)
		b.ImportGlobal("GOT.func", "add_", wasm.GlobalType{Type: wasm.I32, Mutable: true})
		b.ExportFunc("call_0",
			b.Func(b.Type(i32, i32), nil, new(wasm.Code).LocalGet(0).LocalGet(0).Call(index)))
		b.ExportFunc("pointer", b.Func(b.Type(nil, i32), nil, new(wasm.Code).GlobalGet(0)))
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range []*image{i, other, i.spawn()} {
		g.want(101, lib, "call_0", 100)
		g.want(101, lib, "call_1", 100)
		g.want(102, two, "call_0", 100)
		_, err := g.g.Call(g.ctx, lib, "call_2", 1)
		if e := (*linker.UndefinedSymbolError)(nil); !errors.As(err, &e) || e.Symbol != "nobodys" {
			t.Errorf("a function that there is not: %v", err)
		}
		p, err := g.g.Call(g.ctx, two, "pointer")
		if err != nil {
			t.Fatal(err)
		}
		r, err := g.g.CallPointer(g.ctx, uint32(p[0]),
			[]api.ValueType{api.ValueTypeI32, api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32},
			5, 6)
		if err != nil || r[0] != 7 {
			t.Errorf("through its pointer: %v, %v", r, err)
		}
	}
	asked = nil
	if _, err := i.g.OpenBytes(i.ctx, "again", append(calls, 0, 2, 1, 'x')); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 0 {
		t.Errorf("asked again for %q", asked)
	}
}

// What modules and the host module define comes before, and what the linker itself has behind.
func TestHostFunctionsOrder(t *testing.T) {
	rt := newRuntime(t)
	hostModule(t, rt, "env", map[string]func(context.Context, int32) int32{"add_hosts": adds(10)})
	var asked []string
	i := newImageIn(t, rt, "main-pie", "threads", asksFor(&asked))
	lib, err := i.g.OpenBytes(i.ctx, "calls",
		callsAll(t, [2]string{"env", "add_hosts"}, [2]string{"env", "add_own"}))
	if err != nil {
		t.Fatal(err)
	}
	i.want(110, lib, "call_0", 100)
	i.want(101, lib, "call_1", 100)
	if strings.Contains(strings.Join(asked, " "), "add_hosts") {
		t.Errorf("asked for what the host module has: %q", asked)
	}
	if _, err := i.g.OpenBytes(i.ctx, "reserved",
		callsAll(t, [2]string{"lockstep:host", "add_"})); err == nil {
		t.Error("the linker's own namespace could be imported from")
	}
}
