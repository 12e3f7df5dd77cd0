package treesitter

import (
	"context"
	"fmt"
	"math"
	"runtime"
)

// Capture is a node that a query has found, under the name of a capture.
type Capture struct {
	Name    string // without @
	Node    Node
	Pattern int // the number of the pattern: for [Query.PatternInfo]
}

// Match is a match of a pattern.
type Match struct {
	Pattern  int // its number: for [Query.PatternInfo]
	Captures []Capture
}

// Nodes returns the nodes that were captured under a name, in order.
func (m Match) Nodes(capture string) (list []Node) {
	for _, c := range m.Captures {
		if c.Name == capture {
			list = append(list, c.Node)
		}
	}
	return list
}

// QueryOption changes where and how a query searches.
type QueryOption func(*search)

// search is where and how a query searches.
type search struct {
	bytes, containing [2]int // from and to; nothing if both are 0
	limit, depth      uint32
}

// InBytes finds matches that have something in a range of bytes.
func InBytes(start, end int) QueryOption {
	return func(s *search) { s.bytes = [2]int{start, end} }
}

// ContainedInBytes finds matches that are in a range of bytes with all of their nodes.
func ContainedInBytes(start, end int) QueryOption {
	return func(s *search) { s.containing = [2]int{start, end} }
}

// MatchLimit limits how many matches may be in progress at once, from 1 to 65,536. A query that
// would have more fails with [ErrMatchLimit].
func MatchLimit(n int) QueryOption {
	return func(s *search) { s.limit = uint32(min(max(n, 1), 1<<16)) }
}

// MaxStartDepth limits how many levels below the node a pattern may begin; with 0, it is the node
// itself.
func MaxStartDepth(levels int) QueryOption {
	return func(s *search) { s.depth = uint32(max(levels, 0)) }
}

// check finds ranges that are none: the library would take an empty one for everything.
func (s *search) check(length int) error {
	for _, r := range [][2]int{s.bytes, s.containing} {
		if r[0] < 0 || r[1] < r[0] || r[1] > length {
			return fmt.Errorf("%w: search from %d to %d of %d bytes", ErrRange, r[0], r[1], length)
		}
	}
	return nil
}

// Matches returns the matches of a query in a node and below it, in the order in which they are
// found.
func (q *Query) Matches(ctx context.Context, n Node, options ...QueryOption) ([]Match, error) {
	var list []Match
	err := q.run(ctx, n, options, "ts_query_matches_wasm", func(b *results) error {
		m, err := q.match(n.tree, b, int(b.word()), b.word())
		if err == nil && q.counts(m) {
			list = append(list, m)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// Captures returns the captures of a query in a node and below it, in the order in which they are
// in the text: what a highlighter wants.
func (q *Query) Captures(ctx context.Context, n Node, options ...QueryOption) ([]Capture, error) {
	var list []Capture
	err := q.run(ctx, n, options, "ts_query_captures_wasm", func(b *results) error {
		pattern, count, index := int(b.word()), b.word(), b.word()
		m, err := q.match(n.tree, b, pattern, count)
		if err != nil || !q.counts(m) {
			return err
		}
		if int(index) >= len(m.Captures) {
			return fmt.Errorf("%w: capture %d of %d", ErrMemory, index, len(m.Captures))
		}
		list = append(list, m.Captures[index])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// counts applies the predicates to a match.
func (q *Query) counts(m Match) bool {
	for _, t := range q.patterns[m.Pattern].tests {
		if !t(m.Captures) {
			return false
		}
	}
	return true
}

// run has the library search, and goes through what it found.
func (q *Query) run(ctx context.Context, n Node, options []QueryOption, function string,
	each func(b *results) error) error {
	s := search{limit: math.MaxUint32, depth: math.MaxUint32}
	for _, option := range options {
		option(&s)
	}
	switch t := n.tree; {
	case t == nil:
		return nil
	case t.lib.image != q.lib.image || t.language != q.language:
		return ErrForeign
	}
	if err := s.check(len(n.tree.source)); err != nil {
		return err
	}
	defer runtime.KeepAlive(n.tree)
	return q.use(ctx, func(c *call) error {
		if n.tree.give.closed() {
			return ErrClosed
		}
		n.pass(c, 0)
		u := n.tree.units
		// The library takes these for bytes of the text as it has it, two of each unit.
		in := func(at int) uint32 { return 2 * u.unitOf(at) }
		c.call(function, q.address, n.tree.address, 0, 0, 0, 0, in(s.bytes[0]), in(s.bytes[1]),
			0, 0, 0, 0, in(s.containing[0]), in(s.containing[1]), s.limit, s.depth)
		w := c.words(c.l.buffer, 3)
		count, address, exceeded := w[0], w[1], w[2] != 0
		err := context.Cause(ctx) // the library has stopped then, without telling
		if exceeded && err == nil {
			err = ErrMatchLimit
		}
		found := &results{c, address}
		for ; count > 0 && err == nil; count-- {
			err = each(found)
		}
		c.call("free", address)
		return err
	})
}

// results goes through what a query has found, in the library's memory.
type results struct {
	c  *call
	at uint32
}

func (r *results) word() uint32 {
	w := r.c.word(r.at)
	r.at += 4
	return w
}

// match reads the captures of a match.
func (q *Query) match(t *Tree, b *results, pattern int, count uint32) (Match, error) {
	m := Match{Pattern: pattern}
	if pattern < 0 || pattern >= len(q.patterns) {
		return m, fmt.Errorf("%w: pattern %d of %d", ErrMemory, pattern, len(q.patterns))
	}
	for ; count > 0; count-- {
		capture, id := b.word(), b.word()
		b.at += nodeSize - 4
		index, ok := t.ids[id]
		if !ok || int(capture) >= len(q.captures) {
			return m, fmt.Errorf("%w: node %#x, capture %d", ErrMemory, id, capture)
		}
		m.Captures = append(m.Captures, Capture{q.captures[capture], Node{t, index}, pattern})
	}
	return m, nil
}
