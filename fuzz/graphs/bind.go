package graphs

import (
	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// bind decides what each import of a module is. ready are the modules that are instantiated before
// it. The imports are looked at in the order in which they are written: those of functions' bodies
// first, then of the constructor, the table and the words; functions, globals and GOT entries
// mixed.
func (im *Image) bind(m *Module, ready map[*Module]bool, now bool) error {
	b := binder{im: im, m: m, ready: ready, now: now}
	l := m.Lib
	for i := range l.Functions {
		b.body(l.Functions[i].Body)
	}
	b.body(l.Constructor)
	for _, x := range l.TableOthers {
		b.function(x.Symbol, x.Sig)
	}
	for _, w := range l.Words {
		switch {
		case w.Symbol == "":
		case w.Function:
			b.pointer(w.Symbol)
		default:
			b.address(w.Symbol)
		}
	}
	return b.err
}

type binder struct {
	im    *Image
	m     *Module
	ready map[*Module]bool
	now   bool
	err   error
}

func (b *binder) body(body []synth.Op) {
	for _, op := range body {
		switch op.Kind {
		case synth.Call:
			b.function(op.Symbol, op.Sig)
		case synth.CallPointer:
			b.pointer(op.Symbol)
		case synth.Load, synth.Add:
			b.address(op.Symbol)
		case synth.AddOther:
			b.global(op.Symbol)
		}
	}
}

func (b *binder) fail(kind FailureKind, name string) {
	if b.err == nil {
		b.err = &Failure{Kind: kind, Module: b.m.Name, Symbol: name}
	}
}

// set binds an import, which keeps its definer loaded.
func (b *binder) set(k binding, r Ref) {
	b.m.bound[k] = r
	if r.Mod != nil && r.Mod != b.m {
		b.m.uses[r.Mod] = true
	}
}

func (b *binder) weak(name string) bool {
	for _, w := range b.m.Lib.Weak {
		if w == name {
			return true
		}
	}
	return false
}

// function binds an import from env; an undefined one is looked for when it is called.
func (b *binder) function(name string, sig synth.Signature) {
	r, ok := b.im.lookFrom(b.m, name)
	switch {
	case !ok && b.now && !b.weak(name):
		b.fail(Undefined, name)
	case !ok:
		b.set(binding{byCall, name}, Ref{Kind: ToStub, Mod: b.m, Name: name, Sig: sig})
		b.m.late = append(b.m.late, wanted{name, sig})
	case r.Kind != ToFunction || r.signature() != sig && b.now:
		b.fail(Mistaken, name)
	case r.signature() != sig: // it is looked for, and refused, when it is called
		b.set(binding{byCall, name}, Ref{Kind: ToStub, Mod: b.m, Name: name, Sig: sig})
		b.m.late = append(b.m.late, wanted{name, sig})
	default:
		b.set(binding{byCall, name}, r)
	}
}

// pointer binds a GOT.func import. The pointer of an undefined function is that of the stub through
// which the module calls it, if it does.
func (b *binder) pointer(name string) {
	r, ok := b.im.lookFrom(b.m, name)
	switch {
	case !ok && b.weak(name):
		b.set(binding{byPointer, name}, Ref{})
	case !ok:
		sig, calls := b.calls(name)
		if b.now {
			b.fail(Undefined, name)
			return
		}
		if !calls {
			sig = unknown
			b.m.late = append(b.m.late, wanted{name, sig})
		}
		b.set(binding{byPointer, name}, Ref{Kind: ToStub, Mod: b.m, Name: name, Sig: sig})
	case r.Kind != ToFunction:
		b.fail(Mistaken, name)
	default:
		b.set(binding{byPointer, name}, r)
	}
}

// unknown is the signature of a stub whose module only takes its address: no call of it is
// possible.
const unknown = synth.Signature(255)

// calls tells whether the module imports a function of a name, too, and as what.
func (b *binder) calls(name string) (sig synth.Signature, ok bool) {
	look := func(body []synth.Op) {
		for _, op := range body {
			if op.Kind == synth.Call && op.Symbol == name {
				sig, ok = op.Sig, true
			}
		}
	}
	for i := range b.m.Lib.Functions {
		look(b.m.Lib.Functions[i].Body)
	}
	look(b.m.Lib.Constructor)
	for _, x := range b.m.Lib.TableOthers {
		if x.Symbol == name {
			sig, ok = x.Sig, true
		}
	}
	return sig, ok
}

// address binds a GOT.mem import.
func (b *binder) address(name string) {
	r, ok := b.im.lookFrom(b.m, name)
	switch {
	case !ok && b.weak(name):
		b.set(binding{byAddress, name}, Ref{})
	case !ok:
		b.fail(Undefined, name)
	case r.Kind != ToData && r.Kind != ToThread:
		b.fail(Mistaken, name)
	default:
		b.set(binding{byAddress, name}, r)
	}
}

// global binds an import of a global, whose module has to be there already.
func (b *binder) global(name string) {
	r, ok := b.im.lookFrom(b.m, name)
	switch {
	case !ok:
		b.fail(Undefined, name)
	case r.Kind != ToGlobal:
		b.fail(Mistaken, name)
	case r.Mod == b.m || !b.ready[r.Mod]:
		b.fail(TooEarly, name)
	default:
		b.set(binding{byGlobal, name}, r)
	}
}

// signature returns what a function is.
func (r Ref) signature() synth.Signature {
	if r.Kind == ToStub {
		return r.Sig
	}
	return r.Mod.Lib.Functions[r.Index].Sig
}

// allBound returns an error if a module, or one that it needs, imports an undefined function.
func (im *Image) allBound(root *Module) error {
	for _, m := range root.Closure() {
		b := binder{im: im, m: m}
		for _, w := range m.late {
			switch r, ok := im.lookFrom(m, w.name); {
			case w.sig == unknown || !ok && !b.weak(w.name):
				return &Failure{Kind: Undefined, Module: m.Name, Symbol: w.name}
			case ok && r.Kind == ToFunction && r.signature() != w.sig:
				return &Failure{Kind: Mistaken, Module: m.Name, Symbol: w.name}
			}
		}
	}
	return nil
}
