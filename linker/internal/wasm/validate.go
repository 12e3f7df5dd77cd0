package wasm

import (
	"slices"
	"sort"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// validator checks function bodies as the specification's algorithm does, against what the module
// itself has. So whatever is added to the module later has an index that no instruction of it
// names.
//
// It reads instructions as strictly as the engine: where the format allows several encodings of
// which the engine understands one, the others are refused. Otherwise what is checked here and
// what runs could be different instructions.
//
// Source: WebAssembly Core Specification 2.0, chapter 3 and A.3 (validation algorithm); the
// proposals threads, tail calls and exception handling, of which the older form is validated as
// well.
type validator struct {
	m        *Module
	limits   *ModuleLimits
	declared []bool // functions that ref.func may name
	cost     costs

	// Of the function at hand.
	r      *leb.Reader
	typ    FuncType
	locals []localRun
	values []ValType // the operand stack; unknown for what unreachable code has there
	frames []frame
	memory bool
	start  int // offset of the body
}

// unknown is the type of an operand that unreachable code takes from nowhere.
const unknown ValType = 0

// localRun is a row of locals, parameters included, of one type.
type localRun struct {
	end uint32 // index behind the last
	typ ValType
}

// frame is a block that is not closed.
type frame struct {
	op          byte
	params      []ValType
	results     []ValType
	height      int // of the operand stack where it begins
	unreachable bool
	join        join
}

// labels returns what a branch to the block takes.
func (f *frame) labels() []ValType {
	if f.op == opLoop {
		return f.params
	}
	return f.results
}

// newValidator gathers what bodies may refer to. The sections before the code have been read.
func newValidator(m *Module, limits *ModuleLimits) *validator {
	v := &validator{m: m, limits: limits, memory: m.Count(KindMemory) > 0}
	v.declared = make([]bool, m.Count(KindFunc))
	v.m.work += uint64(len(v.declared) + len(m.Exports) + len(m.Globals))
	declare := func(e ConstExpr) {
		if i, ok := e.AsFunc(); ok {
			v.declared[i] = true
		}
	}
	for _, e := range m.Exports {
		if e.Kind == KindFunc {
			v.declared[e.Index] = true
		}
	}
	for _, t := range m.Tables {
		declare(t.Init)
	}
	for _, g := range m.Globals {
		declare(g.Init)
	}
	for i := range m.Elements {
		v.m.work += uint64(m.Elements[i].Len())
		for _, f := range m.Elements[i].Funcs {
			v.declared[f] = true
		}
		for _, e := range m.Elements[i].Exprs {
			declare(e)
		}
	}
	v.cost.prepare(m)
	return v
}

// function validates a body. Failures end up in r.
func (v *validator) function(r *leb.Reader, index int, typ FuncType) {
	v.r, v.typ = r, typ
	v.values, v.frames, v.locals = v.values[:0], v.frames[:0], v.locals[:0]
	v.cost.begin()
	v.start = r.Offset()
	v.m.code.long = v.m.code.long || r.Len() > straightLeaf
	for _, p := range typ.Params {
		v.addLocals(1, p)
	}
	v.readLocals()
	v.pushFrame(opFunction, nil, typ.Results)
	for len(v.frames) > 0 && !r.Failed() {
		at := r.Offset()
		op := r.Byte("instruction")
		v.instruction(at, op)
		v.m.work++
		v.spend(costInstruction)
	}
	if !r.Failed() && r.Len() > 0 {
		r.Fail(r.Offset(), nil, "instructions behind the end of the function")
	}
	v.spend(0) // what was added without a check
	v.cost.end(v.m, index)
}

func (v *validator) addLocals(n uint32, t ValType) {
	if n == 0 {
		return
	}
	last := len(v.locals) - 1
	switch {
	case last < 0:
		v.locals = append(v.locals, localRun{n, t})
	case v.locals[last].typ == t:
		v.locals[last].end += n
	default:
		v.locals = append(v.locals, localRun{v.locals[last].end + n, t})
	}
}

// readLocals reads the declarations of locals: the engine allocates space for as many as it is
// told of.
func (v *validator) readLocals() {
	at, total := v.r.Offset(), uint64(0)
	for groups := v.r.Count(2, "groups of locals"); groups > 0 && !v.r.Failed(); groups-- {
		v.m.work++
		n := v.r.U32("locals")
		t := readValType(v.r)
		if total += uint64(n); total > uint64(v.limits.Locals) {
			v.tooMany(at, total, "locals", v.limits.Locals)
			return
		}
		v.addLocals(n, t)
	}
	v.cost.locals += total
	if v.cost.locals > uint64(v.limits.AllLocals) {
		v.tooMany(at, v.cost.locals, "locals of all functions together", v.limits.AllLocals)
	}
	v.spend(total * costLocal)
}

func (v *validator) tooMany(at int, n uint64, what string, most int) {
	v.r.Fail(at, ErrTooMany, "%d %s: %v, the largest number is %d", n, what, ErrTooMany, most)
}

// local reads the index of a local and returns its type.
func (v *validator) local(set bool) ValType {
	at := v.r.Offset()
	i := v.r.U32("local")
	n := sort.Search(len(v.locals), func(k int) bool {
		v.m.work++
		return i < v.locals[k].end
	})
	if n == len(v.locals) {
		v.r.Fail(at, nil, "local %d is not declared", i)
		return unknown
	}
	v.cost.local(i, set)
	return v.locals[n].typ
}

func (v *validator) push(t ValType) {
	v.values = append(v.values, t)
	if len(v.values) > v.limits.Operands {
		v.tooMany(v.r.Offset(), uint64(len(v.values)), "operands", v.limits.Operands)
	}
}

func (v *validator) pushAll(list []ValType) {
	v.m.work += uint64(len(list))
	v.spend(uint64(len(list)) * costValue)
	v.values = append(v.values, list...)
	if len(v.values) > v.limits.Operands {
		v.tooMany(v.r.Offset(), uint64(len(v.values)), "operands", v.limits.Operands)
	}
}

// pop takes an operand of any type.
func (v *validator) pop(at int) ValType {
	f := &v.frames[len(v.frames)-1]
	if len(v.values) == f.height {
		if !f.unreachable {
			v.r.Fail(at, nil, "operand is missing")
		}
		return unknown
	}
	t := v.values[len(v.values)-1]
	v.values = v.values[:len(v.values)-1]
	return t
}

// want takes an operand of a type.
func (v *validator) want(at int, t ValType) ValType {
	got := v.pop(at)
	if got != t && got != unknown && t != unknown {
		v.r.Fail(at, nil, "operand is %v, not %v", got, t)
	}
	return got
}

func (v *validator) wantAll(at int, list []ValType) {
	v.spend(uint64(len(list)) * costValue)
	for i := len(list) - 1; i >= 0 && !v.r.Failed(); i-- {
		v.m.work++
		v.want(at, list[i])
	}
}

func (v *validator) pushFrame(op byte, params, results []ValType) {
	if len(v.frames) > v.limits.Nesting {
		v.tooMany(v.r.Offset(), uint64(len(v.frames)), "blocks within blocks", v.limits.Nesting)
		return
	}
	f := frame{op: op, params: params, results: results, height: len(v.values)}
	v.frames = append(v.frames, f)
	v.pushAll(params)
	v.cost.open(&v.frames[len(v.frames)-1])
}

// popFrame closes the innermost block: its results must be all that is on the stack of it.
func (v *validator) popFrame(at int) frame {
	f := v.frames[len(v.frames)-1]
	v.wantAll(at, f.results)
	if !v.r.Failed() && len(v.values) != f.height {
		v.r.Fail(at, nil, "%d operands are left over", len(v.values)-f.height)
	}
	if !f.unreachable {
		v.cost.edge(&f.join)
	}
	v.frames = v.frames[:len(v.frames)-1]
	return f
}

// unreachable marks the rest of the block as code that is never reached.
func (v *validator) unreachable() {
	f := &v.frames[len(v.frames)-1]
	v.values = v.values[:min(f.height, len(v.values))]
	f.unreachable = true
}

// label returns the block that a relative depth names, nil if there is none.
func (v *validator) label(at int, depth uint32) *frame {
	if uint64(depth) >= uint64(len(v.frames)) {
		v.r.Fail(at, nil, "label %d of %d", depth, len(v.frames))
		return nil
	}
	return &v.frames[len(v.frames)-1-int(depth)]
}

// branch counts a branch to a block.
func (v *validator) branch(f *frame) {
	v.spend(uint64(len(f.labels())) * costValue)
	switch {
	case v.frames[len(v.frames)-1].unreachable:
	case f.op == opLoop:
		v.cost.back(&f.join, v.variables())
	default:
		v.cost.edge(&f.join)
	}
}

// variables returns how many variables the compiler has for the function: locals, and what an
// operand may become.
func (v *validator) variables() int {
	if len(v.locals) == 0 {
		return len(v.values)
	}
	return int(v.locals[len(v.locals)-1].end) + len(v.values)
}

// spend counts what an instruction costs to compile, and ends the validation of a function that
// costs too much.
func (v *validator) spend(n uint64) {
	v.cost.here += n
	function, module := time.Duration(v.cost.here), time.Duration(v.cost.sum+v.cost.here)
	if function > v.limits.FunctionCost || module > v.limits.ModuleCost {
		v.r.Fail(v.start, ErrTooMany, "it would take too long to compile: "+
			"an estimated %v for the function and %v for the module; the largest are %v and %v",
			function, module, v.limits.FunctionCost, v.limits.ModuleCost)
	}
}

// blockType reads what a block takes and gives.
func (v *validator) blockType() (params, results []ValType) {
	at := v.r.Offset()
	if v.r.Peek() == refNullPrefix {
		return nil, single(readValType(v.r))
	}
	n := v.r.S33("block type")
	switch {
	case v.r.Failed():
	case n >= 0 && n < int64(len(v.m.Types)):
		return v.m.Types[n].Params, v.m.Types[n].Results
	case n >= 0:
		v.r.Fail(at, nil, "type %d of %d", n, len(v.m.Types))
	case v.r.Offset() != at+1: // a type of a value is one byte
		v.r.Fail(at, nil, "block type %d is unknown", n)
	case n == -0x40:
	default:
		t := ValType(n & 0x7f)
		if t.known() {
			return nil, single(t)
		}
		v.r.Fail(at, nil, "block type %#x is unknown", byte(t))
	}
	return nil, nil
}

// single returns a list of one type without allocating it.
func single(t ValType) []ValType {
	if i := slices.Index(valTypes[:], t); i >= 0 {
		return valTypes[i : i+1 : i+1]
	}
	return nil
}
