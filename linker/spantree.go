package linker

// spanNode is a node of a tree of ranges in the order of their bases. Nodes are immutable; nil is
// the empty tree. The weights of two siblings differ by a factor of three at most.
//
// Source: S. Adams, "Efficient sets: a balancing act", 1993, with the parameters of Y. Hirai and K.
// Yamamoto, "Balancing weight-balanced trees", 2011.
type spanNode struct {
	span
	left, right *spanNode
	count       int    // ranges in the tree
	most        uint32 // units of the largest of them
}

const (
	spanDelta = 3 // by how much a sibling may be heavier
	spanGamma = 2 // from which on a double rotation is needed
)

func newSpanNode(left *spanNode, s span, right *spanNode) *spanNode {
	n := &spanNode{span: s, left: left, right: right, count: 1, most: s.size}
	for _, child := range []*spanNode{left, right} {
		if child != nil {
			n.count += child.count
			n.most = max(n.most, child.most)
		}
	}
	return n
}

func (n *spanNode) weight() int {
	if n == nil {
		return 1
	}
	return n.count + 1
}

// balanced returns a tree of two, of which one has got or lost a range since they were balanced.
func balanced(left *spanNode, s span, right *spanNode) *spanNode {
	switch l, r := left.weight(), right.weight(); {
	case r > spanDelta*l && right.left.weight() < spanGamma*right.right.weight():
		return newSpanNode(newSpanNode(left, s, right.left), right.span, right.right)
	case r > spanDelta*l:
		middle := right.left
		return newSpanNode(newSpanNode(left, s, middle.left), middle.span,
			newSpanNode(middle.right, right.span, right.right))
	case l > spanDelta*r && left.right.weight() < spanGamma*left.left.weight():
		return newSpanNode(left.left, left.span, newSpanNode(left.right, s, right))
	case l > spanDelta*r:
		middle := left.right
		return newSpanNode(newSpanNode(left.left, left.span, middle.left), middle.span,
			newSpanNode(middle.right, s, right))
	}
	return newSpanNode(left, s, right)
}

// with returns the tree with a range more.
func (n *spanNode) with(s span) *spanNode {
	switch {
	case n == nil:
		return newSpanNode(nil, s, nil)
	case s.base < n.base:
		return balanced(n.left.with(s), n.span, n.right)
	}
	return balanced(n.left, n.span, n.right.with(s))
}

// without returns the tree without the range that begins at a base.
func (n *spanNode) without(base uint32) *spanNode {
	switch {
	case n == nil:
		return nil
	case base < n.base:
		return balanced(n.left.without(base), n.span, n.right)
	case base > n.base:
		return balanced(n.left, n.span, n.right.without(base))
	case n.left == nil:
		return n.right
	case n.right == nil:
		return n.left
	}
	next := n.right
	for next.left != nil {
		next = next.left
	}
	return balanced(n.left, next.span, n.right.without(next.base))
}

// floor returns the last range that begins at a unit or before.
func (n *spanNode) floor(unit uint32) (s span, ok bool) {
	for n != nil {
		if n.base > unit {
			n = n.left
			continue
		}
		s, ok = n.span, true
		n = n.right
	}
	return s, ok
}

// first returns the first range that has size units from a multiple of align on. It gives up at the
// last of as many ranges as it may pass over.
func (n *spanNode) first(size uint64, align uint32, misfits *int) (s span, ok bool) {
	for n != nil && uint64(n.most) >= size {
		if s, ok = n.left.first(size, align, misfits); ok || *misfits == 0 {
			return s, ok
		}
		if uint64(n.size) >= size {
			if alignUp(uint64(n.base), align)+size <= n.end() {
				return n.span, true
			}
			if *misfits--; *misfits == 0 {
				return span{}, false
			}
		}
		n = n.right
	}
	return span{}, false
}

// all visits the ranges in order, and reports whether it was let to the end.
func (n *spanNode) all(yield func(span) bool) bool {
	return n == nil || n.left.all(yield) && yield(n.span) && n.right.all(yield)
}
