package treesitter

// TreeCursor walks through the nodes below one of them. It is a value: a copy of it goes its own
// way. One cursor is for one goroutine at a time.
//
//	cursor := root.Walk()
//	for ok := cursor.GotoFirstChild(); ok; ok = cursor.GotoNextSibling() {
//		fmt.Println(cursor.Field(), cursor.Node())
//	}
type TreeCursor struct {
	root, at Node
}

// Node returns where the cursor is.
func (c *TreeCursor) Node() Node { return c.at }

// Field is the name that the cursor's node has in its parent; "" for none, and at the root of the
// walk.
func (c *TreeCursor) Field() string {
	if c.at == c.root {
		return ""
	}
	return c.at.Field()
}

// FieldID is the number of the field; 0 for none.
func (c *TreeCursor) FieldID() uint16 {
	if c.at == c.root {
		return 0
	}
	return c.at.FieldID()
}

// Depth is how many levels below the root of the walk the cursor is.
func (c *TreeCursor) Depth() int {
	depth := 0
	for n := c.at; n != c.root; n = n.Parent() {
		depth++
	}
	return depth
}

// DescendantIndex is the number of the cursor's node among those below the root of the walk, which
// has the number 0.
func (c *TreeCursor) DescendantIndex() int { return int(c.at.index - c.root.index) }

// to moves the cursor to a node, if there is one.
func (c *TreeCursor) to(n Node) bool {
	if n.IsZero() {
		return false
	}
	c.at = n
	return true
}

// GotoParent moves the cursor to the parent, unless it is at the root of the walk.
func (c *TreeCursor) GotoParent() bool { return c.at != c.root && c.to(c.at.Parent()) }

// GotoFirstChild moves the cursor to the first child, if there is one.
func (c *TreeCursor) GotoFirstChild() bool { return c.to(c.at.Child(0)) }

// GotoLastChild moves the cursor to the last child, if there is one.
func (c *TreeCursor) GotoLastChild() bool {
	n := c.at.ChildCount()
	return n > 0 && c.to(c.at.Child(n-1))
}

// GotoNextSibling moves the cursor to the next sibling, if there is one within the walk.
func (c *TreeCursor) GotoNextSibling() bool { return c.at != c.root && c.to(c.at.NextSibling()) }

// GotoPrevSibling moves the cursor to the sibling before, if there is one within the walk.
func (c *TreeCursor) GotoPrevSibling() bool { return c.at != c.root && c.to(c.at.PrevSibling()) }

// GotoDescendant moves the cursor to a node by its number: [TreeCursor.DescendantIndex]. It reports
// whether there is one.
func (c *TreeCursor) GotoDescendant(i int) bool {
	if i < 0 || i >= c.root.DescendantCount() {
		return false
	}
	c.at = Node{c.root.tree, c.root.index + int32(i)}
	return true
}

// GotoFirstChildFor moves the cursor to the first child that ends behind an offset in bytes.
func (c *TreeCursor) GotoFirstChildFor(offset int) bool { return c.to(c.at.FirstChildFor(offset)) }

// GotoFirstChildForPoint moves the cursor to the first child that ends behind a row and a column.
func (c *TreeCursor) GotoFirstChildForPoint(p Point) bool {
	return c.to(c.at.nth(0, func(n Node) bool { return n.EndPoint().Compare(p) > 0 }))
}

// Reset moves the cursor to a node, which becomes the root of the walk.
func (c *TreeCursor) Reset(n Node) { *c = n.Walk() }
