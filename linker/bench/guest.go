package main

import (
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// guestRows are calls that a guest makes, a thousand in a loop.
func guestRows() []row {
	return []row{
		{"import of another library, in a loop", 1.5, loops("own", "import")},
		{"host function, in a loop", 1.3, loops("host", "host")},
		{"WASI sched_yield, in a loop", 1.5, loops("yield", "yield")},
		{"function pointer of the GOT, in a loop", 1.1, loops("pointer", "pointer")},
		{"lazily bound import, in a loop", 1.2, lazy},
		{"a function that passes an import on, in a loop", 0, passing},
	}
}

// loops compares a loop of the module that wazero runs alone with one of a library.
func loops(peer, own string) func(m *meter) error {
	return func(m *meter) error {
		return both(m.ctx, asItIs, func(mod api.Module, i *image) error {
			if _, err := i.open("adder", dylink.Info{}, func(b *builder) { add(b) }); err != nil {
				return err
			}
			lib, err := i.open("user", dylink.Info{}, user)
			if err != nil {
				return err
			}
			f := mod.ExportedFunction(peer)
			return m.compare(side{name: "wazero, " + peer, do: func(n int) error {
				for range n {
					if _, err := f.Call(m.ctx, calls); err != nil {
						return err
					}
				}
				return nil
			}}, loopSide(m, i, lib, own))
		})
	}
}

func loopSide(m *meter, i *image, lib *linker.Library, name string) side {
	return side{name: name, do: func(n int) error {
		for range n {
			if _, err := i.g.Call(m.ctx, lib, name, calls); err != nil {
				return err
			}
		}
		return nil
	}}
}

// lazy compares an import that is bound when the library is loaded with one that is bound by the
// first call.
func lazy(m *meter) error {
	eager, err := newImage(m.ctx, asItIs)
	if err != nil {
		return err
	}
	defer eager.close()
	late, err := newImage(m.ctx, asItIs)
	if err != nil {
		return err
	}
	defer late.close()
	if _, err := eager.open("adder", dylink.Info{}, func(b *builder) { add(b) }); err != nil {
		return err
	}
	bound, err := eager.open("importer", dylink.Info{}, importer)
	if err != nil {
		return err
	}
	stub, err := late.open("importer", dylink.Info{}, importer, linker.Lazy)
	if err != nil {
		return err
	}
	if _, err := late.open("adder", dylink.Info{}, func(b *builder) { add(b) }); err != nil {
		return err
	}
	peer := loopSide(m, eager, bound, "import")
	peer.name = "an import bound at load"
	return m.compare(peer, loopSide(m, late, stub, "import"))
}

// passing compares an import with one that a function in between passes on: no stub can be cheaper.
func passing(m *meter) error {
	i, err := newImage(m.ctx, asItIs)
	if err != nil {
		return err
	}
	defer i.close()
	if _, err := i.open("adder", dylink.Info{}, func(b *builder) { add(b) }); err != nil {
		return err
	}
	bound, err := i.open("importer", dylink.Info{}, importer)
	if err != nil {
		return err
	}
	if _, err := i.open("forwarder", dylink.Info{}, func(b *builder) {
		f := b.ImportFunc("env", "add", binary(b))
		b.ExportFunc("forward", b.Func(binary(b), nil,
			new(wasm.Code).LocalGet(0).LocalGet(1).Call(f)))
	}); err != nil {
		return err
	}
	passed, err := i.open("passed", dylink.Info{}, func(b *builder) {
		sum(b, "import", calling(b.ImportFunc("env", "forward", binary(b))))
	})
	if err != nil {
		return err
	}
	peer, own := loopSide(m, i, bound, "import"), loopSide(m, i, passed, "import")
	peer.name, own.name = "an import bound at load", "passed on"
	err = m.compare(peer, own)
	if n := len(m.pairs); err == nil {
		m.pairs[n-1].stated = true
	}
	return err
}
