package wasm

import "github.com/lockstep-wasm/lockstep/linker/internal/leb"

// How much is looked at before a difference is taken for granted: rounds over a body with loops,
// and words of sets.
const (
	flowRounds = 8
	flowWords  = 1 << 25
)

// flow is what a body does with its variables, and where it goes.
type flow struct {
	code   []byte
	start  int // where the instructions begin
	locals int
	steps  []instruction // those that touch a variable, branch or throw
	tries  bool          // a variable is set in some try_table
	work   int           // steps, and what they lead to

	words  int
	live   []uint64         // variables that are read from here on before they are set
	frames []flowFrame      // of the labels around the place, as they end
	loops  map[int][]uint64 // what is live where a loop begins, as far as it is known
	ends   map[int]int      // which step an end ends; -1 is the function
	free   [][]uint64       // sets to be used again
}

// flowFrame is a label, and what is live where a branch to it leads.
type flowFrame struct {
	opcode byte
	live   []uint64
	orElse []uint64 // of an if: live where its else begins
	caught []uint64 // live in some handler that is around; nil if there is none
}

func readFlow(code []byte, params int) (*flow, error) {
	f := &flow{code: code, locals: params, loops: map[int][]uint64{},
		ends: map[int]int{}}
	r := leb.NewReader(code)
	for groups := r.U32("local groups"); groups > 0 && r.Err() == nil; groups-- {
		f.locals += int(r.U32("locals"))
		r.Byte("local type")
	}
	f.start = len(code) - r.Len()
	open, inside := []int{-1}, 0 // which steps; how many when the outermost try_table began
	err := walk(code, func(i instruction) {
		at := len(f.steps)
		switch i.opcode {
		case opBlock, opLoop, opIf, opTryTable:
			if i.opcode == opTryTable && inside == 0 {
				inside = len(open)
			}
			open = append(open, at)
		case opEnd:
			f.ends[at] = open[len(open)-1]
			if open = open[:len(open)-1]; len(open) == inside {
				inside = 0
			}
		case opLocalSet, opLocalTee:
			f.tries = f.tries || inside > 0
		case opElse, opBr, opBrIf, opBrTable, opReturn, opReturnCall, opReturnCallIndirect, 0x00,
			opLocalGet:
		default:
			if !i.throws() {
				return
			}
		}
		f.steps = append(f.steps, i)
		f.work++
		if i.opcode == opTryTable || i.opcode == opBrTable {
			f.work += i.end - i.start // a byte at least for each label
		}
	})
	f.words = f.locals/64 + 1 // one more than the variables: throwBit
	return f, err
}

// throwBit stands, among the variables that are live, for an exception that may be thrown from here
// on within the innermost try_table.
func (f *flow) throwBit() int { return f.locals }

// differs reports whether some handler can see a variable that was set after its try_table began
// and before something threw.
func (f *flow) differs() bool {
	if !f.tries {
		return false
	}
	if f.work > flowWords/f.words {
		return true
	}
	for range flowRounds {
		differs, changed := f.round()
		if differs || !changed {
			return differs
		}
	}
	return true
}

func (f *flow) get(set []uint64, k int) bool { return set[k/64]>>(k%64)&1 != 0 }
func (f *flow) put(set []uint64, k int)      { set[k/64] |= 1 << (k % 64) }
func (f *flow) drop(set []uint64, k int)     { set[k/64] &^= 1 << (k % 64) }

// join adds a set to another one, and reports whether that has grown.
func (f *flow) join(to, from []uint64) (grown bool) {
	for k, w := range from {
		grown = grown || w&^to[k] != 0
		to[k] |= w
	}
	return grown
}

// copied is a copy of a set, nil for nil.
func (f *flow) copied(set []uint64) []uint64 {
	if set == nil {
		return nil
	}
	var c []uint64
	if n := len(f.free); n > 0 {
		c, f.free = f.free[n-1], f.free[:n-1]
	} else {
		c = make([]uint64, f.words)
	}
	copy(c, set)
	return c
}

// round goes through the body once, from its end to its beginning.
func (f *flow) round() (differs, changed bool) {
	f.live, f.frames = make([]uint64, f.words), f.frames[:0]
	for at := len(f.steps) - 1; at >= 0; at-- {
		i := f.steps[at]
		switch i.opcode {
		case opEnd:
			f.push(f.ends[at])
		case opElse:
			top := f.top()
			top.orElse = f.copied(f.live)
			copy(f.live, top.live)
		case opBlock, opLoop, opIf, opTryTable:
			changed = f.pop(at, i.opcode) || changed
		case opBr, opBrTable, opReturn, opReturnCall, opReturnCallIndirect, opThrow, opThrowRef,
			0x00:
			clear(f.live)
			f.branches(i)
			f.thrown(i)
		case opBrIf:
			f.branches(i)
		case opLocalGet:
			f.put(f.live, f.variable(i))
		case opLocalSet, opLocalTee:
			x, top := f.variable(i), f.top()
			f.drop(f.live, x)
			if top.caught != nil && f.get(top.caught, x) && f.get(f.live, f.throwBit()) {
				return true, false
			}
		default:
			f.thrown(i)
		}
	}
	return false, changed
}

func (f *flow) top() *flowFrame { return &f.frames[len(f.frames)-1] }

func (f *flow) variable(i instruction) int {
	return int(leb.NewReader(f.code[i.start+1 : i.end]).U32("local"))
}

// push comes to the end of a label.
func (f *flow) push(opener int) {
	frame := flowFrame{live: f.copied(f.live)}
	if len(f.frames) > 0 {
		frame.caught = f.copied(f.top().caught)
	}
	if opener >= 0 {
		frame.opcode = f.steps[opener].opcode
	}
	switch frame.opcode {
	case opLoop:
		if clear(frame.live); f.loops[opener] != nil {
			copy(frame.live, f.loops[opener])
		}
	case opTryTable:
		i := f.steps[opener]
		_, list := clauses(f.code[i.start+1:i.end], len(f.frames))
		if len(list) == 0 {
			break
		}
		f.drop(f.live, f.throwBit())
		if frame.caught == nil {
			frame.caught = f.copied(make([]uint64, f.words))
			clear(frame.caught)
		}
		for _, c := range list {
			f.join(frame.caught, f.frames[c.label].live)
		}
	}
	f.frames = append(f.frames, frame)
}

// pop comes to the beginning of a label. It reports whether more is known of a loop.
func (f *flow) pop(at int, opcode byte) (changed bool) {
	top := *f.top()
	f.frames = f.frames[:len(f.frames)-1]
	switch {
	case opcode == opIf && top.orElse != nil:
		f.join(f.live, top.orElse)
	case opcode == opIf:
		f.join(f.live, top.live)
	case opcode == opLoop:
		if f.loops[at] == nil {
			f.loops[at] = make([]uint64, f.words)
		}
		changed = f.join(f.loops[at], f.live)
	case opcode == opTryTable:
		f.drop(f.live, f.throwBit())
		if f.top().caught != nil { // what is thrown in it may not be caught by it
			f.put(f.live, f.throwBit())
		}
	}
	for _, set := range [][]uint64{top.live, top.orElse, top.caught} {
		if set != nil {
			f.free = append(f.free, set)
		}
	}
	return changed
}

// branches adds what is live where a branch leads.
func (f *flow) branches(i instruction) {
	r := leb.NewReader(f.code[i.start+1 : i.end])
	n := uint32(0)
	switch i.opcode {
	case opBr, opBrIf:
	case opBrTable:
		n = r.U32("labels")
	default:
		return
	}
	for range n + 1 {
		f.join(f.live, f.frames[len(f.frames)-1-int(r.U32("label"))].live)
	}
}

// thrown adds what is live in the handlers of what an instruction throws.
func (f *flow) thrown(i instruction) {
	if top := f.top(); i.throws() && top.caught != nil {
		f.join(f.live, top.caught)
		f.put(f.live, f.throwBit())
	}
}
