package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

// failing is how many programs run while files cannot be opened, memory is short and traps end
// groups.
const failing = 3

func failureCount(o *Options) int64 { return int64(failing + max(o.Groups, 2) - 1) }

// runFailures runs programs in an environment that fails, and loads libraries that fail in the
// middle of a link operation, in another group than the one that opens them. Whatever fails leaves
// every group as it was.
func runFailures(ctx context.Context, o *Options, r *Report, task Task) (string, error) {
	operations, errs := 0, 0
	var total actionCounts
	for i := range failing {
		n, failed, err := failingProgram(ctx, o, r, o.Seed+uint64(i), &total)
		if err != nil {
			return "", err
		}
		operations, errs = operations+n, errs+failed
		task.Advance(int64(i + 1))
	}
	taken := 0
	for nth := 1; nth < max(o.Groups, 2); nth++ {
		if err := failingReplay(ctx, o, r, nth, &total); err != nil {
			return "", err
		}
		taken++
		task.Advance(int64(failing + taken))
	}
	r.Actions = total.merge(r.Actions)
	return fmt.Sprintf(
		"%d programs, %d operations of which %d failed; %d loads that failed in another group "+
			"and were taken back",
		failing,
		operations,
		errs,
		taken,
	), nil
}

// failingProgram runs one program while files, memory and groups fail, and judges it.
func failingProgram(
	ctx context.Context, o *Options, r *Report, seed uint64, total *actionCounts,
) (operations, failures int, err error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	w := newWatcher(fmt.Sprintf("program %d, while files, memory and groups fail", seed))
	world := drive.Fixtures(o.Fixtures).WithFaults(seed, 15, true)
	config := linker.NewConfig().WithObserver(
		w.Observe,
	).WithTrapClosesGroup(
		true,
	).WithStackSize(
		64<<10,
	).
		WithMemoryPages(
			0,
			uint32(6+o.Groups),
		).WithPointerQuarantine(
		0,
	)
	subject, err := drive.New(ctx, rt, world, config)
	if err != nil {
		return 0, 0, err
	}
	p := drive.Program{
		Seed:       seed,
		Groups:     o.Groups,
		Clients:    o.Clients,
		Rounds:     6,
		Operations: o.Operations,
		Cancels:    true,
	}
	h, err := subject.Run(ctx, p, nil)
	if err := errors.Join(err, subject.Linker.Close(context.WithoutCancel(ctx))); err != nil {
		return 0, 0, fmt.Errorf("program with seed %d: %w", seed, err)
	}
	for _, op := range h.Operations {
		if op.Output.Err != "" || op.Output.Trap != "" {
			failures++
		}
	}
	if err := w.finish(r, total); err != nil {
		return 0, 0, err
	}
	result := lincheck.Judge(h, lincheck.Limits{Timeout: o.Timeout})
	if result.Verdict == lincheck.Violation {
		draw(r, h, result)
		return 0, 0, failed("program with seed %d, in an environment that fails: %s", seed, result)
	}
	return len(h.Operations), failures, nil
}

// failingReplay opens a library whose start function traps in the nth instance after the first: the
// operation fails in another group, when some have applied it already. Then one that can be loaded
// must load everywhere.
func failingReplay(
	ctx context.Context,
	o *Options,
	r *Report,
	nth int,
	total *actionCounts,
) (err error) {
	rt := wazero.NewRuntimeWithConfig(ctx, linker.NewRuntimeConfig())
	defer func() { err = errors.Join(err, rt.Close(context.WithoutCancel(ctx))) }()
	w := newWatcher(
		fmt.Sprintf(
			"a load that fails in group %d of %d, and is taken back",
			nth+1,
			max(o.Groups, 2),
		),
	)
	subject, err := drive.New(
		ctx,
		rt,
		drive.Fixtures(o.Fixtures),
		linker.NewConfig().WithObserver(w.Observe),
	)
	if err != nil {
		return err
	}
	l := subject.Linker
	defer func() { err = errors.Join(err, l.Close(context.WithoutCancel(ctx))) }()
	groups := []*linker.Group{l.Main()}
	for len(groups) < max(o.Groups, 2) {
		g, err := groups[0].Spawn(ctx)
		if err != nil {
			return err
		}
		groups = append(groups, g)
	}
	before := len(l.Modules())
	_, err = groups[0].OpenBytes(ctx, "libfails.wasm", trapsInInstance(nth))
	var replay *coord.ReplayError
	switch {
	case !errors.As(err, &replay):
		return failed(
			"a library that traps in its instance %d: got %v, want the error of a replay",
			nth+1,
			err,
		)
	case len(l.Modules()) != before:
		return failed("after a load that failed in another group, there are modules of it")
	}
	lib, err := groups[len(groups)-1].Open(ctx, "libother.wasm")
	if err != nil {
		return failed(
			"after a load that failed in another group, another library cannot be loaded: %v",
			err,
		)
	}
	names := make([]uint32, len(groups))
	for i, g := range groups {
		sym, err := g.Symbol(ctx, lib, "other_add")
		if err != nil || i > 0 && sym.Pointer != names[0] {
			return failed("after a load that failed, group %d has pointer %d, the first %d (%v)",
				g.ID(), sym.Pointer, names[0], err)
		}
		names[i] = sym.Pointer
	}
	return w.finish(r, total)
}

// trapsInInstance is a shared library whose start function counts its instances in its data, and
// traps in the one with this number, from 0.
func trapsInInstance(nth int) []byte {
	module := []byte("\x00asm\x01\x00\x00\x00")
	info := dylink.Info{MemorySize: 4, MemoryAlignment: 2}
	module = info.Append(module)
	section := func(id byte, payload ...byte) {
		module = append(append(module, id, byte(len(payload))), payload...)
	}
	name := func(s string) []byte { return append([]byte{byte(len(s))}, s...) }
	imports := []byte{2}
	imports = append(
		append(append(imports, name("env")...), name("memory")...),
		2,
		3,
		0,
		0x80,
		0x80,
		4,
	) // shared, 0 to 65536
	imports = append(append(append(imports, name("env")...), name("__memory_base")...), 3, 0x7f, 0)
	section(1, 1, 0x60, 0, 0) // () -> ()
	section(2, imports...)    // the memory, and where the data is
	section(3, 1, 0)          // one function
	section(8, 0)             // which starts every instance
	section(10, 1, 17, 0,     // no locals
		0x23, 0, // global.get __memory_base
		0x41, 1, // i32.const 1
		0xfe, 0x1e, 2, 0, // i32.atomic.rmw.add
		0x41, byte(nth), // i32.const nth
		0x46,                   // i32.eq
		0x04, 0x40, 0x00, 0x0b, // if unreachable end
		0x0b) // end
	return module
}
