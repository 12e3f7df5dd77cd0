package graphs

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/synth"
)

// note is the operation that leaves a trace.
func (d *drawing) note(v int) synth.Op {
	return synth.Op{Kind: synth.Note, Symbol: NoteFunction, Value: int32(v)}
}

// uses draws what a library makes of what it and others define: its pointers, bodies and
// constructor.
func (d *drawing) uses(i int, l *synth.Library) {
	d.signature = map[string]synth.Signature{}
	final := len(l.Functions) - finals
	l.Table = []int{final, final + 1}
	for k := range final {
		if d.oneIn(2) {
			l.Table = append(l.Table, k)
		}
	}
	for range d.upTo(2, "others in the table") {
		name := d.functionOf()
		l.TableOthers = append(l.TableOthers, synth.Import{Symbol: name, Sig: d.signatureOf(name)})
	}
	for range d.upTo(3, "words") {
		w := synth.Word{Function: true}
		switch {
		case d.oneIn(2):
			w.Symbol = d.functionOf()
		case d.oneIn(2):
			w.Function, w.Symbol = false,
				d.nameOf(dataNames, dataName,
					func(l *synth.Library) []synth.Variable { return l.Variables })
		case len(l.Table) > finals:
			w.Index = finals + d.upTo(len(l.Table)-finals, "entry")
		case len(l.Variables) > 0:
			w.Function, w.Index = false, d.upTo(len(l.Variables), "variable")
		default:
			continue
		}
		l.Words = append(l.Words, w)
	}
	for k := range final {
		for range d.upTo(4, "operations") {
			l.Functions[k].Body = append(l.Functions[k].Body, d.op(l))
		}
	}
	if !d.oneIn(5) {
		d.constructor(i, l, final)
	}
	d.weaken(l)
}

// constructor draws what runs when the library has been loaded.
func (d *drawing) constructor(i int, l *synth.Library, final int) {
	l.Constructor = []synth.Op{d.note(i + 1)}
	for k := range finals {
		if d.oneIn(2) {
			l.Constructor = append(l.Constructor,
				synth.Op{Kind: synth.AtExit, Index: k, Value: int32(i)})
		}
	}
	for range d.upTo(3, "operations") {
		l.Constructor = append(l.Constructor, d.op(l))
	}
	switch {
	case d.oneIn(25):
		l.Constructor = append(l.Constructor, synth.Op{Kind: synth.Trap})
	case d.shape.Exits && d.oneIn(40):
		l.Constructor = append(l.Constructor, synth.Op{Kind: synth.Exit, Value: 3})
	}
	if d.shape.Shared && d.oneIn(25) {
		l.Functions[final].Body = append(l.Functions[final].Body, synth.Op{Kind: synth.Trap})
	}
}

// op draws an operation that the library can do.
func (d *drawing) op(l *synth.Library) synth.Op {
	op := synth.Op{Value: int32(1 + d.upTo(9, "value"))}
	switch kind := rapid.SampledFrom([]synth.OpKind{synth.Const, synth.Call, synth.Call,
		synth.CallPointer, synth.CallOwn, synth.CallWord,
		synth.CallTable, synth.Load, synth.Add, synth.AddOwn, synth.AddThread, synth.AddGlobal,
		synth.AddOther, synth.Trap}).Draw(d.t, "operation"); kind {
	case synth.Call, synth.CallPointer:
		op.Kind, op.Symbol = kind, d.functionOf()
		if kind == synth.Call && d.oneIn(4) { // perhaps it is undefined so far
			op.Symbol = functionName(d.upTo(functionNames, "name"))
		}
		op.Sig = d.signatureOf(op.Symbol)
	case synth.CallOwn:
		op.Kind, op.Index = kind, d.upTo(len(l.Functions)-finals, "function")
		op.Sig = l.Functions[op.Index].Sig
	case synth.CallWord:
		d.callWord(l, &op)
	case synth.CallTable:
		entries := len(l.Table) - finals + len(l.TableOthers)
		if entries == 0 {
			break
		}
		op.Kind, op.Index = kind, finals+d.upTo(entries, "entry")
		if op.Index < len(l.Table) {
			op.Sig = l.Functions[l.Table[op.Index]].Sig
		} else {
			op.Sig = l.TableOthers[op.Index-len(l.Table)].Sig
		}
	case synth.Load, synth.Add:
		d.address(kind, &op)
	case synth.AddOwn:
		if d.shape.Shared && len(l.Variables) > 0 {
			op.Kind, op.Index = kind, d.upTo(len(l.Variables), "variable")
		}
	case synth.AddThread:
		if d.shape.Private && len(l.Threads) > 0 {
			op.Kind, op.Index = kind, d.upTo(len(l.Threads), "thread variable")
		}
	case synth.AddGlobal:
		if d.shape.Private && len(l.Globals) > 0 {
			op.Kind, op.Index = kind, d.upTo(len(l.Globals), "global")
		}
	case synth.AddOther:
		if d.shape.Private && d.oneIn(2) {
			op.Kind, op.Symbol = kind,
				d.nameOf(globalNames, globalName,
					func(l *synth.Library) []synth.Variable { return l.Globals })
		}
	case synth.Trap:
		if d.oneIn(8) {
			op.Kind = kind
		}
	}
	return op
}

// callWord makes an operation a call of what a relocation points to, if the library has such a
// word.
func (d *drawing) callWord(l *synth.Library, op *synth.Op) {
	if len(l.Words) == 0 {
		return
	}
	i := d.upTo(len(l.Words), "word")
	w := l.Words[i]
	if !w.Function {
		return
	}
	op.Kind, op.Index = synth.CallWord, i
	if w.Symbol != "" {
		op.Sig = d.signatureOf(w.Symbol)
	} else {
		op.Sig = l.Functions[l.Table[w.Index]].Sig
	}
}

// address makes an operation one on data, or thread-local data, of some library.
func (d *drawing) address(kind synth.OpKind, op *synth.Op) {
	op.Kind = kind
	thread := d.oneIn(2)
	if thread {
		op.Symbol = d.nameOf(threadNames, threadName,
			func(l *synth.Library) []synth.Variable { return l.Threads })
	} else {
		op.Symbol = d.nameOf(dataNames, dataName,
			func(l *synth.Library) []synth.Variable { return l.Variables })
	}
	if thread && !d.shape.Private || !thread && !d.shape.Shared {
		op.Kind = synth.Load
	}
}

// functionOf draws the name of a function: of one that is within reach, mostly.
func (d *drawing) functionOf() string {
	var names []string
	for _, l := range d.reachable {
		for _, f := range l.Functions {
			names = append(names, f.Exports...)
		}
	}
	if len(names) == 0 || d.oneIn(12) {
		return functionName(d.upTo(functionNames, "name"))
	}
	return names[d.upTo(len(names), "name")]
}

// signatureOf is what the present library takes a function for: always the same, and what it is,
// mostly.
func (d *drawing) signatureOf(name string) synth.Signature {
	s, ok := d.signature[name]
	if !ok {
		s = usual(int(name[1] - '0'))
		if d.oneIn(60) {
			s = (s + 1) % synth.Signature(synth.Signatures)
		}
		d.signature[name] = s
	}
	return s
}

// nameOf draws the name of a variable, of one that is within reach mostly.
func (d *drawing) nameOf(n int, of func(int) string,
	list func(*synth.Library) []synth.Variable) string {
	var names []string
	for _, l := range d.reachable {
		for _, v := range list(l) {
			if v.Export != "" && v.Export[0] == of(0)[0] {
				names = append(names, v.Export)
			}
		}
	}
	if len(names) == 0 || d.oneIn(30) {
		return of(d.upTo(n, "name"))
	}
	return names[d.upTo(len(names), "name")]
}

// weaken declares some of the symbols that the library uses weak: more of those that may be
// missing.
func (d *drawing) weaken(l *synth.Library) {
	seen := map[string]bool{}
	consider := func(name string) {
		if name == "" || name == NoteFunction || seen[name] {
			return
		}
		seen[name] = true
		near := slices.ContainsFunc(d.reachable,
			func(l *synth.Library) bool { return defines(l, name) })
		if near && d.oneIn(8) || !near && !d.oneIn(4) {
			l.Weak = append(l.Weak, name)
		}
	}
	for i := range l.Functions {
		for _, op := range l.Functions[i].Body {
			consider(op.Symbol)
		}
	}
	for _, op := range l.Constructor {
		consider(op.Symbol)
	}
	for _, w := range l.Words {
		consider(w.Symbol)
	}
}

// defines tells whether a library exports a name.
func defines(l *synth.Library, name string) bool {
	return slices.Contains((&Module{Lib: l}).Names(), name)
}
