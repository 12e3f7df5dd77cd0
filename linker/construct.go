package linker

import (
	"context"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/failpoint"
	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// construct runs, in the leader's group alone, what prepares a module's data: relocations of all
// modules, then constructors.
func (op *linkOp) construct(ctx context.Context, modules []*image.Module) error {
	for _, m := range modules {
		if m.Src == nil {
			continue
		}
		if err := op.callToolchain(ctx, m, "__wasm_apply_data_relocs"); err != nil {
			return err
		}
	}
	if slices.Contains(modules, op.l.shared.Main) {
		err := op.moveBreak(ctx)
		if err == nil {
			err = op.hookExit(ctx)
		}
		if err != nil {
			return &LoadError{File: op.l.shared.Main.File, Module: op.l.shared.Main.Name, Err: err}
		}
	}
	defer op.l.attention.hold()() // who waits in a constructor may give way
	for _, m := range op.l.mainLast(modules) {
		name := wasm.CallCtors
		if _, ok := m.Exports["_initialize"]; ok {
			name = "_initialize" // it runs the constructors itself
		} else if m == op.l.shared.Main && op.l.program.startConstructs {
			continue // a command: its constructors run when it is started
		}
		op.constructs = !op.early
		err := op.callToolchain(ctx, m, name)
		op.constructs = false
		if err != nil {
			return err
		}
	}
	return nil
}

// mainLast returns the modules in the order in which their constructors run: that of the main
// module, which is instantiated before the libraries that are preloaded, come last.
func (l *Linker) mainLast(modules []*image.Module) []*image.Module {
	i := slices.Index(modules, l.shared.Main)
	if i < 0 {
		return modules
	}
	return slices.Concat(modules[:i], modules[i+1:], modules[i:i+1])
}

// callToolchain calls one of the toolchain's functions in the leader's group, if the module has it.
func (op *linkOp) callToolchain(ctx context.Context, m *image.Module, name string) error {
	x := m.Exports[name]
	if x == nil || x.Kind != image.KindFunction || len(x.Fn.Type.Params)+len(
		x.Fn.Type.Results) > 0 {
		return nil
	}
	op.l.logCalls(ctx, m, name)
	err := op.l.config.inject.At(ctx, op.g, failpoint.Relocate)
	if err == nil {
		_, err = op.g.space.Call(ctx, x.Fn)
	}
	if err == nil {
		err = op.l.config.inject.At(ctx, op.g, failpoint.Constructed)
	}
	if err != nil {
		return &LoadError{File: m.File, Module: m.Name,
			Err: fmt.Errorf("linker: %s: %w", name, err)}
	}
	return nil
}
