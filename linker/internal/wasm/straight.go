package wasm

import "github.com/lockstep-wasm/lockstep/linker/internal/leb"

// How much may be executed without a count. A function in which nothing loops or calls has no count
// before straightLeaf instructions, so a call weighs something, too.
const (
	straightMost = 1024
	straightCall = 32
	straightLeaf = 256
)

// straight finds where a body has to count although it neither loops nor calls: it adds up what was
// executed since the last count, by the path that has executed the most. Paths meet at the ends of
// blocks, and only loops lead back, which count by themselves.
type straight struct {
	weight int  // since the last count
	dead   bool // no path leads here
	polled bool // some instruction before counts
	called bool
	labels []straightLabel
}

// straightLabel is a block that is not closed.
type straightLabel struct {
	loop   bool
	begin  int // of the path that goes on with another branch, else or catch; -1 for none
	weight int // the most of those that branch to its end; -1 for none
}

// begin assumes that callers have executed all but straightLeaf since the last count.
func (s *straight) begin() {
	labels := append(s.labels[:0], straightLabel{begin: -1, weight: -1})
	*s = straight{weight: straightMost - straightLeaf, labels: labels}
}

// next goes on to an instruction of the body, and reports whether there has to be a count before
// it.
func (s *straight) next(body []byte, i instruction) (poll bool) {
	if len(s.labels) == 0 {
		return false // behind the end of the body
	}
	if i.calls() && !s.called {
		s.countedAtFirst()
	}
	if i.opcode == opLoop {
		s.labels = append(s.labels, straightLabel{loop: true, begin: -1, weight: -1})
		s.counts()
		return false
	}
	if !s.dead {
		if s.weight += i.weight(); s.weight >= straightMost {
			s.counts()
			s.weight, poll = i.weight(), true
		}
	}
	s.flow(body, i)
	return poll
}

// counts notes that the code counts here.
func (s *straight) counts() { s.weight, s.polled = 0, true }

// countedAtFirst is for a function that calls, which counts where it begins.
func (s *straight) countedAtFirst() {
	if s.called = true; s.polled {
		return
	}
	const first = straightMost - straightLeaf
	s.weight = max(s.weight-first, 0)
	for k := range s.labels {
		l := &s.labels[k]
		l.begin = max(l.begin-first, 0)
		if l.weight >= 0 {
			l.weight = max(l.weight-first, 0)
		}
	}
}

func (i instruction) weight() int {
	if i.calls() || i.opcode == opMisc && movesMuch(i.sub) {
		return straightCall
	}
	return 1
}

// flow follows the paths from an instruction on.
func (s *straight) flow(body []byte, i instruction) {
	top := len(s.labels) - 1
	switch i.opcode {
	case opBlock:
		s.labels = append(s.labels, straightLabel{begin: -1, weight: -1})
	case opIf:
		s.labels = append(s.labels, straightLabel{begin: s.weight, weight: -1})
	case opTry: // what it throws may come from anywhere within
		s.labels = append(s.labels, straightLabel{begin: straightMost - 1, weight: -1})
	case opTryTable:
		s.catches(body[i.start+1 : i.end])
		s.labels = append(s.labels, straightLabel{begin: -1, weight: -1})
	case opElse, opCatch, opCatchAll:
		s.branch(0)
		s.weight, s.dead = s.labels[top].begin, false
		s.labels[top].begin = -1
		if i.opcode != opElse {
			s.labels[top].begin = straightMost - 1
		}
	case opEnd, opDelegate:
		s.end()
	case opBr:
		s.branch(leb.NewReader(body[i.start+1 : i.end]).U32("label"))
		s.dead = true
	case opBrIf:
		s.branch(leb.NewReader(body[i.start+1 : i.end]).U32("label"))
	case opBrTable:
		r := leb.NewReader(body[i.start+1 : i.end])
		for n := int64(r.U32("labels")); n >= 0 && !r.Failed(); n-- {
			s.branch(r.U32("label"))
		}
		s.dead = true
	case 0x00, opReturn, opThrow, opRethrow, opThrowRef, opReturnCall, opReturnCallIndirect:
		s.dead = true
	}
}

// branch notes a path to a label.
func (s *straight) branch(depth uint32) {
	if k := len(s.labels) - 1 - int(depth); k >= 0 && !s.dead {
		s.labels[k].weight = max(s.labels[k].weight, s.weight)
	}
}

// catches notes the paths from a try_table to its catches, from anywhere within.
func (s *straight) catches(immediates []byte) {
	r := leb.NewReader(immediates)
	r.S64("block type")
	for n := r.U32("catches"); n > 0 && !r.Failed(); n-- {
		if r.Byte("catch") < catchAll {
			r.U32("tag")
		}
		if k := len(s.labels) - 1 - int(r.U32("label")); k >= 0 {
			s.labels[k].weight = straightMost - 1
		}
	}
}

// end closes a block: those who come to its end go on together.
func (s *straight) end() {
	top := len(s.labels) - 1
	l := s.labels[top]
	s.labels = s.labels[:top]
	if l.loop {
		return // its label is its beginning
	}
	weight := max(l.weight, l.begin)
	if !s.dead {
		weight = max(weight, s.weight)
	}
	s.weight, s.dead = max(weight, 0), weight < 0
}
