package graphs

import "github.com/lockstep-wasm/lockstep/linker/synth"

// Call computes what a function returns when it is called in a group. The error is a *Failure.
func (im *Image) Call(g *Group, r Ref, depth, x int32) (int32, error) {
	if r.Kind == ToStub {
		found, ok := im.lookFrom(r.Mod, r.Name)
		switch {
		case !ok:
			return 0, &Failure{Kind: Undefined, Module: r.Mod.Name, Symbol: r.Name}
		case found.Kind != ToFunction || found.signature() != r.Sig:
			return 0, &Failure{Kind: Mistaken, Module: r.Mod.Name, Symbol: r.Name}
		}
		r = found
	}
	f := &r.Mod.Lib.Functions[r.Index]
	if depth < 0 {
		return f.Base, nil
	}
	e := run{im: im, g: g, m: r.Mod, depth: depth, acc: f.Base}
	if f.Sig != synth.Plain {
		e.acc += x
	}
	for _, op := range f.Body {
		if err := e.op(op); err != nil {
			return 0, err
		}
	}
	return e.acc, nil
}

// final calls a destructor.
func (im *Image) final(g *Group, m *Module, registered synth.Op) error {
	f := &m.Lib.Functions[m.Lib.Table[registered.Index]]
	e := run{im: im, g: g, m: m, acc: f.Base + registered.Value}
	for _, op := range f.Body {
		if err := e.op(op); err != nil {
			return err
		}
	}
	return nil
}

// run is a body that runs.
type run struct {
	im    *Image
	g     *Group
	m     *Module
	depth int32
	acc   int32
}

func (e *run) op(op synth.Op) error {
	v, err := e.value(op)
	e.acc = e.acc*31 + v
	return err
}

func (e *run) value(op synth.Op) (int32, error) {
	m := e.m
	switch op.Kind {
	case synth.Call:
		return e.call(m.bound[binding{byCall, op.Symbol}], op.Sig)
	case synth.CallOwn:
		return e.call(Ref{Kind: ToFunction, Mod: m, Index: op.Index}, op.Sig)
	case synth.CallPointer:
		return e.call(m.bound[binding{byPointer, op.Symbol}], op.Sig)
	case synth.CallWord:
		return e.call(m.Words[op.Index], op.Sig)
	case synth.CallTable:
		return e.call(m.entry(op.Index), op.Sig)
	case synth.Load, synth.Add:
		p := e.variable(m.bound[binding{byAddress, op.Symbol}])
		if p == nil {
			return synth.Null, nil
		}
		if op.Kind == synth.Add {
			*p += op.Value
		}
		return *p, nil
	case synth.AddOwn:
		return add(&m.Data[op.Index], op.Value), nil
	case synth.AddThread:
		return add(&e.g.Threads[m][op.Index], op.Value), nil
	case synth.AddGlobal:
		return add(&e.g.Globals[m][op.Index], op.Value), nil
	case synth.AddOther:
		return add(e.variable(m.bound[binding{byGlobal, op.Symbol}]), op.Value), nil
	case synth.Note:
		e.im.Trace = append(e.im.Trace, op.Value)
		return op.Value, nil
	case synth.AtExit:
		m.exits = append(m.exits, op)
		return 0, nil
	case synth.Trap:
		return 0, &Failure{Kind: Trapped, Module: m.Name}
	case synth.Exit:
		return 0, &Failure{Kind: Exited, Module: m.Name}
	}
	return op.Value, nil
}

func add(p *int32, v int32) int32 {
	*p += v
	return *p
}

// entry is what the linker finds in an entry of the module's own part of the function table.
func (m *Module) entry(i int) Ref {
	if i < len(m.Lib.Table) {
		return Ref{Kind: ToFunction, Mod: m, Index: m.Lib.Table[i]}
	}
	return m.bound[binding{byCall, m.Lib.TableOthers[i-len(m.Lib.Table)].Symbol}]
}

// variable returns what a reference leads to in the group; nil is null.
func (e *run) variable(r Ref) *int32 {
	switch r.Kind {
	case ToData:
		return &r.Mod.Data[r.Index]
	case ToThread:
		return &e.g.Threads[r.Mod][r.Index]
	case ToGlobal:
		return &e.g.Globals[r.Mod][r.Index]
	}
	return nil
}

// call is a call from within a body. One through a pointer to a function of another signature
// traps.
func (e *run) call(r Ref, sig synth.Signature) (int32, error) {
	switch {
	case e.depth <= 0:
		return synth.NotCalled, nil
	case r.Kind == NoRef:
		return synth.Null, nil
	case r.signature() != sig:
		return 0, &Failure{Kind: Trapped, Module: e.m.Name}
	}
	return e.im.Call(e.g, r, e.depth-1, e.acc)
}
