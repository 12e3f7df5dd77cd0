package linker

import (
	"context"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/shim"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// prepareClosure makes a closure's entry, in every group, a trampoline.
func (g *Group) prepareClosure(ctx context.Context, slot uint32, tr image.Trampoline) error {
	return g.inside(ctx, func(ctx context.Context, act *activation) error {
		return act.run(ctx, protocol.ResolveFunction, func(ctx context.Context,
			op *linkOp) (err error) {
			if !op.l.state.closures.Live.At(slot) {
				return &ClosureError{Slot: slot}
			}
			if err =
				op.trampolineRoom(image.TrampolineKey{Slot: slot,
					Type: tr.Type.Key()}); err != nil {
				return err
			}
			if tr.Code, err = op.l.trampolineCode(ctx, tr.Type); err != nil {
				return err
			}
			return op.setClosure(ctx, slot, nil, &tr)
		})
	})
}

// trampolineRoom counts the trampolines of an image, each of which every group has an instance of,
// for as long as it lives.
func (op *linkOp) trampolineRoom(key image.TrampolineKey) error {
	s := &op.l.state
	if s.prepared.At(key) {
		return nil
	}
	if n, limit := s.prepared.Len(), op.l.config.maxTrampolines; n >= limit {
		return &LimitError{Limit: limitTrampolines, Value: uint64(n) + 1, Max: uint64(limit)}
	}
	s.prepared = s.prepared.With(key, true)
	return nil
}

// trampolineCode compiles the trampoline of a signature, once for all groups.
func (l *Linker) trampolineCode(ctx context.Context, t wasm.FuncType) (wazero.CompiledModule,
	error) {
	if c := l.trampolines[t.Key()]; c != nil {
		return c, nil
	}
	if err := l.signatureRoom(len(l.trampolines)); err != nil {
		return nil, err
	}
	stackSpace, stackName := shim.BaseNamespace, shim.BaseStackPointer
	if l.shared.StackPointer != nil {
		stackSpace, stackName = shim.ImportName(l.shared.Main), l.shared.StackPointer.Name
	}
	bytes, err := shim.TrampolineModule(t, stackSpace, stackName, l.noSharedMemory == nil)
	c, err := l.compileGenerated(ctx, "closure", bytes, err)
	if err != nil {
		return nil, err
	}
	l.trampolines[t.Key()] = c
	return c, nil
}
