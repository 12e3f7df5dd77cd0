package synth_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// everything is a library with everything that there is.
func everything() synth.Library {
	var body []synth.Op
	for k := synth.Const; k <= synth.Exit; k++ {
		body = append(body, synth.Op{Kind: k, Symbol: k.String(), Value: 3})
	}
	return synth.Library{
		Name: "all.wasm", Needed: []string{"one.wasm", "two.wasm"}, RunPath: []string{"$ORIGIN/x"},
		Functions: []synth.Function{
			{Exports: []string{"plain", "alias"}, Base: 10, Body: body},
			{Exports: []string{"narrow"}, Sig: synth.Narrow, Base: 20,
				Body: []synth.Op{{Kind: synth.AddOwn, Value: 1}}},
			{Exports: []string{"wide"}, Sig: synth.Wide, Base: 30},
			{Sig: synth.Final, Base: 40},
		},
		Variables: []synth.Variable{{"data", 5}, {"", 6}}, Threads: []synth.Variable{{"thread", 7}},
		Globals: []synth.Variable{{"global", 8}},
		Words: []synth.Word{{Function: true, Symbol: "fn"}, {Function: true}, {Symbol: "elsewhere"},
			{Index: 1}},
		Table: []int{0, 3}, TableOthers: []synth.Import{{"other", synth.Wide}},
		Constructor: []synth.Op{{Kind: synth.Const, Value: 1}}, Weak: []string{"Load"}, Align: 4,
	}
}

// A library with everything is a valid module, and says of itself what was asked for.
func TestEncode(t *testing.T) {
	for _, shared := range []bool{false, true} {
		lib := everything()
		lib.Shared = shared
		file, err := lib.Encode()
		if err != nil {
			t.Fatal(err)
		}
		info, err := dylink.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(info.Needed, lib.Needed) || !slices.Equal(info.RuntimePath, lib.RunPath) ||
			info.MemorySize != 24 ||
			info.MemoryAlignment != 4 || info.TableSize != 3 || len(info.Exports) != 1 ||
			info.Exports[0].Flags != dylink.TLS ||
			len(info.Imports) != 1 || info.Imports[0].Field != "Load" ||
			!info.Imports[0].Flags.Has(dylink.BindingWeak) {
			t.Errorf("%+v", info)
		}
		ctx := context.Background()
		rt := wazero.NewRuntimeWithConfig(ctx,
			wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(
				api.CoreFeaturesV2|experimental.CoreFeaturesThreads))
		defer rt.Close(ctx)
		m, err := rt.CompileModule(ctx, file)
		if err != nil {
			t.Fatal(err)
		}
		functions := m.ExportedFunctions()
		for name, sig := range map[string]synth.Signature{"plain": synth.Plain,
			"alias": synth.Plain, "narrow": synth.Narrow, "wide": synth.Wide} {
			params, results := sig.Types()
			if f := functions[name]; f == nil || !slices.Equal(f.ParamTypes(), params) ||
				!slices.Equal(f.ResultTypes(), results) {
				t.Errorf("%s is %v, want %v -> %v", name, f, params, results)
			}
		}
		for _, name := range []string{"__wasm_apply_data_relocs", "__wasm_init_tls",
			"__wasm_call_ctors"} {
			if functions[name] == nil {
				t.Errorf("there is no %s", name)
			}
		}
		imports := map[string]bool{}
		for _, f := range m.ImportedFunctions() {
			module, name, _ := f.Import()
			imports[module+"."+name] = true
		}
		for _, want := range []string{"env.Call", "env.Note", "env.other", "env.__cxa_atexit",
			"wasi_snapshot_preview1.proc_exit"} {
			if !imports[want] {
				t.Errorf("%s is not imported: %v", want, imports)
			}
		}
	}
}

// What cannot be written is an error.
func TestEncodeRefuses(t *testing.T) {
	for name, change := range map[string]func(*synth.Library){
		"a function in the table that is not there": func(l *synth.Library) { l.Table = []int{99} },
		"a call of a function that is not there": func(l *synth.Library) {
			l.Functions[2].Body = []synth.Op{{Kind: synth.CallOwn, Index: 99}}
		},
		"two exports of one name": func(l *synth.Library) {
			l.Variables[1].Export = "plain"
		},
	} {
		lib := everything()
		change(&lib)
		file, err := lib.Encode()
		if err == nil { // bodies are not looked into by the writer
			ctx := context.Background()
			rt := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
			_, err = rt.CompileModule(ctx, file)
			rt.Close(ctx)
			if err == nil || !strings.Contains(name, "call") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestNames(t *testing.T) {
	for s, want := range map[synth.Signature]string{synth.Plain: "plain", synth.Narrow: "narrow",
		synth.Wide: "wide", synth.Final: "final", 9: "no signature"} {
		if s.String() != want {
			t.Errorf("%d is %s", s, s)
		}
	}
	for want, op := range map[string]synth.Op{
		"Call(f wide)":     {Kind: synth.Call, Symbol: "f", Sig: synth.Wide},
		"CallWord(2 wide)": {Kind: synth.CallWord, Index: 2, Sig: synth.Wide},
		"Load(d)":          {Kind: synth.Load, Symbol: "d"},
		"Add(d, 4)":        {Kind: synth.Add, Symbol: "d", Value: 4},
		"AddOwn(1, 4)":     {Kind: synth.AddOwn, Index: 1, Value: 4},
		"Exit(3)":          {Kind: synth.Exit, Value: 3},
		"OpKind(77)(0)":    {Kind: 77},
	} {
		if op.String() != want {
			t.Errorf("%s, want %s", op, want)
		}
	}
}
