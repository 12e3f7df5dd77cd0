package graphs_test

import (
	"fmt"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/fuzz/graphs"
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// arguments encodes a call's arguments.
func arguments(s synth.Signature, depth, x int32) []uint64 {
	switch s {
	case synth.Narrow:
		return []uint64{api.EncodeI32(depth), api.EncodeI32(x)}
	case synth.Wide:
		return []uint64{api.EncodeI32(depth), api.EncodeI64(int64(x))}
	}
	return []uint64{api.EncodeI32(depth)}
}

// same compares a call's outcome with the oracle's.
func same(s synth.Signature, results []uint64, got error, value int32, want error) error {
	if err := judge(got, want); err != nil || want != nil {
		return err
	}
	encoded := api.EncodeI32(value)
	if s == synth.Wide {
		encoded = api.EncodeI64(int64(value))
	}
	if len(results) != 1 || results[0] != encoded {
		return fmt.Errorf("it returned %d, want %d", results, encoded)
	}
	return nil
}

// call calls a function by name in both.
func (w *world) call(p *pair, s scope, name string, depth, x int32) error {
	r, err := w.image.Find(s.mod(), name, s.next)
	if err != nil || r.Kind != graphs.ToFunction ||
		r.Mod.Lib.Functions[r.Index].Sig == synth.Final {
		return w.symbol(p, s, name)
	}
	sig := r.Mod.Lib.Functions[r.Index].Sig
	value, want := w.image.Call(p.o, r, depth, x)
	w.count("call", want)
	results, got := p.g.Call(w.ctx, s.lib(), name, arguments(sig, depth, x)...)
	return same(sig, results, got, value, want)
}

// callPointer calls a function pointer that holds r in both.
func (w *world) callPointer(p *pair, slot uint32, r graphs.Ref, depth, x int32) error {
	sig := r.Mod.Lib.Functions[r.Index].Sig
	value, want := w.image.Call(p.o, r, depth, x)
	if depth >= 0 {
		w.count("call pointer", want)
	}
	params, results := sig.Types()
	got, err := p.g.CallPointer(w.ctx, slot, params, results, arguments(sig, depth, x)...)
	return same(sig, got, err, value, want)
}
