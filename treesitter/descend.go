package treesitter

import (
	"iter"
	"slices"
)

// Descendants goes over the nodes from this one down, parents before their children.
func (n Node) Descendants() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		for i, end := n.index, n.behind(); i < end; i++ {
			if !yield(Node{n.tree, i}) {
				return
			}
		}
	}
}

// DescendantsOfType returns the nodes of some types from this one down, in order.
func (n Node) DescendantsOfType(types ...string) (list []Node) {
	for d := range n.Descendants() {
		if slices.Contains(types, d.Type()) {
			list = append(list, d)
		}
	}
	return list
}

// ChildWithDescendant returns the child that a node is below, or that node if it is a child; none
// if it is neither.
func (n Node) ChildWithDescendant(d Node) Node {
	if n.tree == nil || d.tree != n.tree || d.index <= n.index || d.index >= n.behind() {
		return Node{}
	}
	for p := d.Parent(); p != n; p = d.Parent() {
		d = p
	}
	return d
}

// FirstChildFor returns the first child that ends behind an offset in bytes.
func (n Node) FirstChildFor(offset int) Node {
	return n.nth(0, func(c Node) bool { return c.End() > offset })
}

// FirstNamedChildFor returns the first named child that ends behind an offset in bytes.
func (n Node) FirstNamedChildFor(offset int) Node {
	return n.nth(0, func(c Node) bool { return c.IsNamed() && c.End() > offset })
}

// DescendantFor returns the smallest node, from this one down, that has a range of bytes in it.
func (n Node) DescendantFor(start, end int) Node { return n.smallest(start, end, false) }

// NamedDescendantFor returns the smallest named node, from this one down, that has a range of bytes
// in it.
func (n Node) NamedDescendantFor(start, end int) Node { return n.smallest(start, end, true) }

// DescendantForPoints is [Node.DescendantFor] with rows and columns.
func (n Node) DescendantForPoints(start, end Point) Node {
	if n.tree == nil {
		return Node{}
	}
	return n.DescendantFor(OffsetAt(n.tree.source, start), OffsetAt(n.tree.source, end))
}

// NamedDescendantForPoints is [Node.NamedDescendantFor] with rows and columns.
func (n Node) NamedDescendantForPoints(start, end Point) Node {
	if n.tree == nil {
		return Node{}
	}
	return n.NamedDescendantFor(OffsetAt(n.tree.source, start), OffsetAt(n.tree.source, end))
}

// smallest goes down as long as a child has the range in it. An empty node has what is at it; of
// two nodes that touch, an empty range between them is in the second one.
func (n Node) smallest(start, end int, named bool) (found Node) {
	if n.tree == nil || start > end {
		return Node{}
	}
	for at := n; !at.IsZero(); {
		if !named || at.IsNamed() || at == n {
			found = at
		}
		next := Node{}
		for c := range at.All() {
			if c.End() < end || c.End() <= start && (c.Start() != c.End() || c.End() < start) {
				continue
			}
			if c.Start() <= start {
				next = c
			}
			break
		}
		at = next
	}
	return found
}
