package spans

// node is a node of a tree of ranges in the order of their bases. Nodes are immutable; nil is
// the empty tree. The weights of two siblings differ by a factor of three at most.
//
// Source: S. Adams, "Efficient sets: a balancing act", 1993, with the parameters of Y. Hirai and K.
// Yamamoto, "Balancing weight-balanced trees", 2011.
type node struct {
	Span
	left, right *node
	count       int    // ranges in the tree
	most        uint32 // units of the largest of them
}

const (
	delta = 3 // by how much a sibling may be heavier
	gamma = 2 // from which on a double rotation is needed
)

func newNode(left *node, s Span, right *node) *node {
	n := &node{Span: s, left: left, right: right, count: 1, most: s.Size}
	for _, child := range []*node{left, right} {
		if child != nil {
			n.count += child.count
			n.most = max(n.most, child.most)
		}
	}
	return n
}

func (n *node) weight() int {
	if n == nil {
		return 1
	}
	return n.count + 1
}

// balanced returns a tree of two, of which one has got or lost a range since they were balanced.
func balanced(left *node, s Span, right *node) *node {
	switch l, r := left.weight(), right.weight(); {
	case r > delta*l && right.left.weight() < gamma*right.right.weight():
		return newNode(newNode(left, s, right.left), right.Span, right.right)
	case r > delta*l:
		middle := right.left
		return newNode(newNode(left, s, middle.left), middle.Span,
			newNode(middle.right, right.Span, right.right))
	case l > delta*r && left.right.weight() < gamma*left.left.weight():
		return newNode(left.left, left.Span, newNode(left.right, s, right))
	case l > delta*r:
		middle := left.right
		return newNode(newNode(left.left, left.Span, middle.left), middle.Span,
			newNode(middle.right, s, right))
	}
	return newNode(left, s, right)
}

// with returns the tree with a range more.
func (n *node) with(s Span) *node {
	switch {
	case n == nil:
		return newNode(nil, s, nil)
	case s.Base < n.Base:
		return balanced(n.left.with(s), n.Span, n.right)
	}
	return balanced(n.left, n.Span, n.right.with(s))
}

// without returns the tree without the range that begins at a base.
func (n *node) without(base uint32) *node {
	switch {
	case n == nil:
		return nil
	case base < n.Base:
		return balanced(n.left.without(base), n.Span, n.right)
	case base > n.Base:
		return balanced(n.left, n.Span, n.right.without(base))
	case n.left == nil:
		return n.right
	case n.right == nil:
		return n.left
	}
	next := n.right
	for next.left != nil {
		next = next.left
	}
	return balanced(n.left, next.Span, n.right.without(next.Base))
}

// floor returns the last range that begins at a unit or before.
func (n *node) floor(unit uint32) (s Span, ok bool) {
	for n != nil {
		if n.Base > unit {
			n = n.left
			continue
		}
		s, ok = n.Span, true
		n = n.right
	}
	return s, ok
}

// first returns the first range that has size units from a multiple of align on. It gives up at the
// last of as many ranges as it may pass over.
func (n *node) first(size uint64, align uint32, misfits *int) (s Span, ok bool) {
	for n != nil && uint64(n.most) >= size {
		if s, ok = n.left.first(size, align, misfits); ok || *misfits == 0 {
			return s, ok
		}
		if uint64(n.Size) >= size {
			if AlignUp(uint64(n.Base), align)+size <= n.End() {
				return n.Span, true
			}
			if *misfits--; *misfits == 0 {
				return Span{}, false
			}
		}
		n = n.right
	}
	return Span{}, false
}

// all visits the ranges in order, and reports whether it was let to the end.
func (n *node) all(yield func(Span) bool) bool {
	return n == nil || n.left.all(yield) && yield(n.Span) && n.right.all(yield)
}
