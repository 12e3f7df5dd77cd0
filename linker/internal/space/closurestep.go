package space

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// ClosureStep changes what a closure holds.
type ClosureStep struct {
	Slot                      uint32
	Fn, Old                   *image.Function   // what it holds, and held
	Trampoline, OldTrampoline *image.Trampoline // or these
}

// Apply implements Step.
func (s *ClosureStep) Apply(ctx context.Context, sp *Space) error {
	return sp.putClosure(ctx, s.Slot, s.Fn, s.Trampoline)
}

// Undo implements Step.
func (s *ClosureStep) Undo(ctx context.Context, sp *Space) error {
	return sp.putClosure(ctx, s.Slot, s.Old, s.OldTrampoline)
}

// putClosure makes an entry of this group's table a function, a trampoline, or null.
func (sp *Space) putClosure(ctx context.Context, slot uint32, fn *image.Function,
	tr *image.Trampoline) error {
	if err := sp.ClearStale(ctx); err != nil { // the entry may be among them, from an earlier use
		return err
	}
	switch {
	case fn != nil:
		return sp.PutSlot(ctx, slot, fn)
	case tr != nil:
		return sp.PutTrampoline(ctx, slot, tr)
	}
	return sp.clearSlots(ctx, spans.Span{Base: slot, Size: 1})
}

// PutTrampoline puts a trampoline into an entry of this group's table.
func (sp *Space) PutTrampoline(ctx context.Context, slot uint32, tr *image.Trampoline) error {
	key := image.TrampolineKey{Slot: slot, Type: tr.Type.Key()}
	mod := sp.trampolines[key]
	if mod == nil {
		var err error
		code, _ := tr.Code.(wazero.CompiledModule)
		if mod, err = sp.shared.InstantiateIn(ctx, code, sp.Namespace); err != nil {
			return fmt.Errorf("linker: closure %d: %w", slot, err)
		}
		sp.trampolines[key] = mod
	}
	for name, value := range map[string]uint32{shim.TrampolineBacking: tr.Backing,
		shim.TrampolineData: tr.Data} {
		mod.ExportedGlobal(name).(api.MutableGlobal).Set(uint64(value))
	}
	_, err := mod.ExportedFunction(shim.TrampolinePut).Call(ctx, uint64(slot))
	return err
}
