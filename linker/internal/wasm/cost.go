package wasm

import "time"

// What things cost, in nanoseconds.
const (
	costFunction    = 50_000
	costInstruction = 500
	costAccess      = 3_000 // to memory, besides the instruction
	costBlock       = 4_000
	costLocal       = 60
	costDeclared    = 10 // an import or a global, for each function
	// an import, for each call of one, and for each constant that names something
	costLookup      = 3
	costReloaded    = 300   // a mutable global, for each call
	costValue       = 500   // a value that an instruction moves
	costLabel       = 4_000 // of a br_table
	costStep        = 10    // up the tree of dominators, or a chain of blocks
	costPredecessor = 50    // of a block, for each branch to it
	costPair        = 4     // of variables that are merged
	costMerged      = 3_000 // a variable that is looked for in a block with several predecessors
)

// costs adds up what the functions of a module cost.
type costs struct {
	locals   uint64 // of all functions so far
	declared uint64 // imports and globals
	mutable  uint64 // globals that a call may change

	sum      uint64 // of the functions so far
	here     uint64 // of the function at hand, not in sum yet
	sets     int    // writes to variables so far
	now      int32  // the block that is being filled
	chain    uint64 // blocks above it that have one predecessor each
	nodes    []node
	merges   uint32   // blocks with several predecessors so far
	seen     []uint32 // merges when a local was used last
	imported uint32   // functions, whose indices come first
	imports  uint64
	steps    uint64 // up the tree of dominators, in all
}

// node is a block in the tree of dominators. up is an ancestor further away, so that any is found
// in few steps.
//
// Source: E. Myers, "An applicative random-access stack", 1983.
type node struct {
	parent, up, depth int32
}

// join is the block behind a structured one, to which branches lead; of a loop, also its header.
type join struct {
	open  int32 // the block that was being filled when it began; of a loop, its header
	meet  int32 // the lowest common dominator of the predecessors
	preds int
	sets  int // writes before it began
	chain uint64
}

func (c *costs) prepare(m *Module) {
	c.imports = uint64(len(m.Imports))
	c.declared = c.imports + uint64(len(m.Globals))
	c.imported = uint32(m.Imported(KindFunc))
	for i := range m.Imports {
		if m.Imports[i].Kind == KindGlobal && m.Imports[i].Global.Mutable {
			c.mutable++
		}
	}
	for _, g := range m.Globals {
		if g.Type.Mutable {
			c.mutable++
		}
	}
}

func (c *costs) begin() {
	c.here, c.sets, c.chain, c.merges = costFunction+c.declared*costDeclared, 0, 0, 0
	c.nodes = append(c.nodes[:0], node{})
	c.now = 0
}

// block begins a block that a given one dominates immediately.
func (c *costs) block(parent int32) {
	p := &c.nodes[parent]
	up := parent
	if q := &c.nodes[p.up]; p.depth-q.depth == q.depth-c.nodes[q.up].depth {
		up = q.up
	}
	c.nodes = append(c.nodes, node{parent, up, p.depth + 1})
	c.now = int32(len(c.nodes) - 1)
	c.here += costBlock + uint64(p.depth)*costStep
}

// fork begins a block behind a branch that may be taken.
func (c *costs) fork() {
	c.block(c.now)
	c.chain++
}

// meet returns the lowest common dominator of two blocks.
func (c *costs) meet(a, b int32) int32 {
	if c.nodes[a].depth < c.nodes[b].depth {
		a, b = b, a
	}
	for c.nodes[a].depth > c.nodes[b].depth {
		c.steps++
		if n := c.nodes[a]; c.nodes[n.up].depth >= c.nodes[b].depth {
			a = n.up
		} else {
			a = n.parent
		}
	}
	for a != b {
		c.steps++
		if n, o := c.nodes[a], c.nodes[b]; n.up != o.up {
			a, b = n.up, o.up
		} else {
			a, b = n.parent, o.parent
		}
	}
	return a
}

// open begins a structured block.
func (c *costs) open(f *frame) {
	if f.op == opLoop {
		c.block(c.now)
		c.chain = 0
		c.merges++
	}
	f.join = join{open: c.now, sets: c.sets, chain: c.chain}
}

// again begins another part of a structured block: an else or a catch.
func (c *costs) again(f *frame) {
	c.chain = f.join.chain
	c.block(c.nodes[f.join.open].parent)
}

// edge counts a branch to the end of a structured block.
func (c *costs) edge(j *join) {
	if j.preds == 0 {
		j.meet = c.now
	} else {
		j.meet = c.meet(j.meet, c.now)
	}
	j.preds++
	c.here += uint64(c.nodes[c.now].depth)*costStep + uint64(j.preds)*costPredecessor
}

// entry counts an entry of a br_table that leads to the end of a structured block.
func (c *costs) entry(j *join) {
	if j.preds == 0 {
		j.meet = c.now
	} else if j.meet != c.now {
		j.meet = c.meet(j.meet, c.now)
	}
	j.preds++
	c.here += uint64(c.nodes[c.now].depth) * costStep
}

// back counts a branch to the header of a loop.
func (c *costs) back(j *join, vars int) {
	c.here += uint64(c.nodes[c.now].depth-c.nodes[j.open].depth) * costStep
	c.merge(min(c.sets-j.sets, vars), 1)
}

// merge counts the variables that a block may have to merge.
func (c *costs) merge(vars, preds int) {
	c.here += uint64(vars) * uint64(vars) * uint64(preds) * costPair
}

// close ends a structured block.
func (c *costs) close(f *frame, vars int) {
	j := &f.join
	if f.op == opIf { // the condition leads behind it as well
		c.now = c.nodes[j.open].parent
		c.edge(j)
	}
	if j.preds == 0 {
		c.block(j.open)
		return
	}
	c.block(j.meet)
	if j.preds > 1 {
		c.chain = 0
		c.merges++
		c.merge(min(c.sets-j.sets, vars), j.preds)
	} else {
		c.chain++
	}
}

// local counts an access to a local. Where it was not used for a while, the compiler looks for it
// in all the blocks in between that have several predecessors.
func (c *costs) local(index uint32, set bool) {
	for int(index) >= len(c.seen) {
		c.seen = append(c.seen, 0)
	}
	if set {
		c.sets++
	} else {
		c.here += uint64(c.merges-min(c.merges, c.seen[index]))*costMerged + c.chain*costStep
	}
	c.seen[index] = c.merges
}

// cached counts an access to what the compiler keeps for as long as nothing branches: globals,
// where the memory is.
func (c *costs) cached() { c.here += c.chain * costStep }

// call counts a call, of an import if the index says so.
func (c *costs) call(index uint32) {
	c.here += c.mutable * costReloaded
	if index < c.imported {
		c.here += c.imports * costLookup
	}
}

// end adds the function to the others.
func (c *costs) end(m *Module, index int) {
	m.work += c.steps + uint64(len(c.seen))
	c.steps = 0
	clear(c.seen)
	c.seen = c.seen[:0]
	c.sum += c.here
	m.cost.Total, m.cost.Locals = time.Duration(c.sum), int(c.locals)
	if cost := time.Duration(c.here); cost > m.cost.Largest {
		m.cost.Largest, m.cost.Function = cost, index
	}
}
