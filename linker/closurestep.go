package linker

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// clearStale makes the entries of closures null that were freed in other groups. The caller is
// inside the group, or replays an operation for it.
func (sp *space) clearStale(ctx context.Context) error {
	if !sp.stale.any.Load() {
		return nil
	}
	var errs []error
	for slot := range sp.stale.take() {
		errs = append(errs, sp.clearSlots(context.WithoutCancel(ctx),
			spans.Span{Base: slot, Size: 1}))
	}
	return errors.Join(errs...)
}

// closureStep changes what a closure holds.
type closureStep struct {
	slot                      uint32
	fn, old                   *image.Function   // what it holds, and held
	trampoline, oldTrampoline *image.Trampoline // or these
}

// apply implements step.
func (s *closureStep) apply(ctx context.Context, sp *space) error {
	return sp.putClosure(ctx, s.slot, s.fn, s.trampoline)
}

// undo implements step.
func (s *closureStep) undo(ctx context.Context, sp *space) error {
	return sp.putClosure(ctx, s.slot, s.old, s.oldTrampoline)
}

// putClosure makes an entry of this group's table a function, a trampoline, or null.
func (sp *space) putClosure(ctx context.Context, slot uint32, fn *image.Function,
	tr *image.Trampoline) error {
	if err := sp.clearStale(ctx); err != nil { // the entry may be among them, from an earlier use
		return err
	}
	switch {
	case fn != nil:
		return sp.putSlot(ctx, slot, fn)
	case tr != nil:
		return sp.putTrampoline(ctx, slot, tr)
	}
	return sp.clearSlots(ctx, spans.Span{Base: slot, Size: 1})
}

// putTrampoline puts a trampoline into an entry of this group's table.
func (sp *space) putTrampoline(ctx context.Context, slot uint32, tr *image.Trampoline) error {
	key := image.TrampolineKey{Slot: slot, Type: tr.Type.Key()}
	mod := sp.trampolines[key]
	if mod == nil {
		var err error
		code, _ := tr.Code.(wazero.CompiledModule)
		if mod, err = sp.image.instantiateIn(ctx, code, sp.namespace); err != nil {
			return fmt.Errorf("linker: closure %d: %w", slot, err)
		}
		sp.trampolines[key] = mod
	}
	for name, value := range map[string]uint32{trampolineBacking: tr.Backing,
		trampolineData: tr.Data} {
		mod.ExportedGlobal(name).(api.MutableGlobal).Set(uint64(value))
	}
	_, err := mod.ExportedFunction(trampolinePut).Call(ctx, uint64(slot))
	return err
}

func (s *staleSlots) add(slot uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slots == nil {
		s.slots = map[uint32]bool{}
	}
	s.slots[slot] = true
	s.any.Store(true)
}

func (s *staleSlots) take() map[uint32]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := s.slots
	s.slots = nil
	s.any.Store(false)
	return slots
}

// Exports of the module of a trampoline.
const (
	trampolineBacking = "backing" // a global
	trampolineData    = "data"    // a global
	trampolinePut     = "put"     // (slot): the trampoline into the function table
)
