package treesitter

import (
	"context"
	"fmt"
	"iter"
	"strconv"
)

// Node is a node of a tree: a piece of the source text, and what the grammar takes it for. The zero
// Node is none, and is what a search returns that finds nothing: IsZero tells it, its type is "",
// and it has no children.
//
// Named nodes are the grammar's rules, the others pieces of text that the rules contain.
type Node struct {
	tree  *Tree
	index int32
}

func (n Node) record() *record {
	if n.tree == nil {
		return &record{}
	}
	return &n.tree.nodes[n.index]
}

func (n Node) flag(f uint8) bool { return n.record().flags&f != 0 }

// IsZero reports whether there is no node.
func (n Node) IsZero() bool { return n.tree == nil }

// Tree returns the tree that the node is of; nil if there is no node.
func (n Node) Tree() *Tree { return n.tree }

// ID is the library's number of the node. It is different for each node of a tree; in a tree that
// was parsed after another one, nodes that were used again have the same.
func (n Node) ID() uint32 { return n.record().id }

// Type is the name of the node's kind: of a rule, or the text of what is not named. What does not
// fit the grammar is of type "ERROR".
func (n Node) Type() string { return n.name(n.Symbol()) }

// GrammarType is Type by the rule's own name, where the grammar has given it another one here.
func (n Node) GrammarType() string { return n.name(n.GrammarSymbol()) }

func (n Node) name(symbol uint16) string {
	if n.tree == nil {
		return ""
	}
	return n.tree.language.TypeName(symbol)
}

// Symbol is the number of the node's type in its language.
func (n Node) Symbol() uint16 { return n.record().symbol }

// GrammarSymbol is the number of the node's type under the rule's own name.
func (n Node) GrammarSymbol() uint16 { return n.record().grammars }

// IsNamed reports whether the node is one of the grammar's rules.
func (n Node) IsNamed() bool { return n.flag(flagNamed) }

// IsExtra reports whether the node may be anywhere, such as a comment.
func (n Node) IsExtra() bool { return n.flag(flagExtra) }

// IsMissing reports whether the parser has made the node up, so that the text fits the grammar.
func (n Node) IsMissing() bool { return n.flag(flagMissing) }

// IsError reports whether the node is text that does not fit the grammar.
func (n Node) IsError() bool { return n.flag(flagError) }

// HasError reports whether there is an error or something missing in the node, or it is one itself.
func (n Node) HasError() bool { return n.flag(flagHasError) }

// HasChanges reports whether the node has been edited: [Tree.Edit].
func (n Node) HasChanges() bool { return n.flag(flagHasChanges) }

// Start is where the node begins, in bytes.
func (n Node) Start() int { return n.record().span.Start }

// End is where the node ends, in bytes: the offset behind it.
func (n Node) End() int { return n.record().span.End }

// StartPoint is where the node begins, as row and column.
func (n Node) StartPoint() Point { return n.record().span.StartPoint }

// EndPoint is where the node ends, as row and column.
func (n Node) EndPoint() Point { return n.record().span.EndPoint }

// Range is where the node is.
func (n Node) Range() Range { return n.record().span }

// Text is the node's piece of the source text. Of an edited tree, it is the edited text.
func (n Node) Text() string {
	if n.tree == nil {
		return ""
	}
	r := n.Range()
	return n.tree.source[min(r.Start, r.End):r.End]
}

// ParseState is the number of the parser's state at the node: what [Language.Lookahead] takes.
func (n Node) ParseState() uint16 { return n.record().state }

// NextParseState is the number of the parser's state behind the node.
func (n Node) NextParseState() uint16 { return n.record().next }

// Field is the name that the node has in its parent; "" for none.
func (n Node) Field() string {
	if n.tree == nil {
		return ""
	}
	return n.tree.language.FieldName(n.record().field)
}

// FieldID is the number of the node's field in its parent; 0 for none.
func (n Node) FieldID() uint16 { return n.record().field }

// String is for people: the type, and where the node is, counted from 1.
func (n Node) String() string {
	if n.tree == nil {
		return "no node"
	}
	r, name := n.Range(), n.Type()
	if !n.IsNamed() {
		name = strconv.Quote(name)
	}
	return fmt.Sprintf("%s %d:%d-%d:%d", name, r.StartPoint.Row+1, r.StartPoint.Column+1,
		r.EndPoint.Row+1, r.EndPoint.Column+1)
}

// Parent returns the node that this one is a child of; none for a root.
func (n Node) Parent() Node {
	if p := n.record().parent; n.tree != nil && p >= 0 {
		return Node{n.tree, p}
	}
	return Node{}
}

// ChildCount is how many children the node has.
func (n Node) ChildCount() int { return int(n.record().children) }

// NamedChildCount is how many children the node has that are named.
func (n Node) NamedChildCount() int { return int(n.record().named) }

// DescendantCount is how many nodes there are from this one down, with itself.
func (n Node) DescendantCount() int { return int(n.record().descendants) }

// behind is the index behind the descendants of the node.
func (n Node) behind() int32 {
	if n.tree == nil {
		return 0
	}
	return n.index + n.record().descendants
}

// All goes over the children.
func (n Node) All() iter.Seq[Node] {
	return func(yield func(Node) bool) {
		end := n.behind()
		for c := n.index + 1; c < end; c += n.tree.nodes[c].descendants {
			if !yield(Node{n.tree, c}) {
				return
			}
		}
	}
}

// select returns the children of a kind.
func (n Node) children(room int, of func(Node) bool) []Node {
	list := make([]Node, 0, room)
	for c := range n.All() {
		if of(c) {
			list = append(list, c)
		}
	}
	return list
}

// Children returns the children, in order.
func (n Node) Children() []Node {
	return n.children(n.ChildCount(), func(Node) bool { return true })
}

// NamedChildren returns the children that are named, in order.
func (n Node) NamedChildren() []Node { return n.children(n.NamedChildCount(), Node.IsNamed) }

// ChildrenByField returns the children that have a name in this node, in order.
func (n Node) ChildrenByField(field string) []Node {
	return n.children(0, func(c Node) bool { return field != "" && c.Field() == field })
}

// Child returns a child, the first one for 0; none if there are fewer.
func (n Node) Child(i int) Node { return n.nth(i, func(Node) bool { return true }) }

// NamedChild returns a named child, the first one for 0; none if there are fewer.
func (n Node) NamedChild(i int) Node { return n.nth(i, Node.IsNamed) }

// ChildByField returns the first child that has a name in this node.
func (n Node) ChildByField(field string) Node {
	return n.nth(0, func(c Node) bool { return field != "" && c.Field() == field })
}

func (n Node) nth(i int, of func(Node) bool) Node {
	for c := range n.All() {
		if !of(c) {
			continue
		}
		if i == 0 {
			return c
		}
		i--
	}
	return Node{}
}

// NextSibling returns the next child of the same parent.
func (n Node) NextSibling() Node {
	if end := n.behind(); end < n.Parent().behind() {
		return Node{n.tree, end}
	}
	return Node{}
}

// NextNamedSibling returns the next child of the same parent that is named.
func (n Node) NextNamedSibling() Node {
	s := n.NextSibling()
	for !s.IsZero() && !s.IsNamed() {
		s = s.NextSibling()
	}
	return s
}

// PrevSibling returns the child of the same parent before this one.
func (n Node) PrevSibling() Node { return n.previous(func(Node) bool { return true }) }

// PrevNamedSibling returns the last named child of the same parent before this one.
func (n Node) PrevNamedSibling() Node { return n.previous(Node.IsNamed) }

func (n Node) previous(of func(Node) bool) (last Node) {
	for s := range n.Parent().All() {
		if s == n {
			break
		}
		if of(s) {
			last = s
		}
	}
	return last
}

// Walk returns a cursor that begins at the node, and stays within it.
func (n Node) Walk() TreeCursor { return TreeCursor{root: n, at: n} }

// SExpression returns the node as an S-expression on one line, as all bindings of tree-sitter write
// it: named nodes, fields, errors and what is missing. [Indent] breaks it into lines.
func (n Node) SExpression(ctx context.Context) (text string, err error) {
	if n.tree == nil {
		return "", nil
	}
	err = n.tree.use(ctx, func(c *call) error {
		n.pass(c, 0)
		address := c.call("ts_node_to_string_wasm", n.tree.address)
		text = c.text(address)
		c.call("free", address)
		return nil
	})
	return text, err
}

// nodeSize is how large a node is that the library returns and takes, in bytes.
const nodeSize = 5 * 4

// pass puts the node into the library's buffer, as one of several.
func (n Node) pass(c *call, place uint32) {
	r, u := n.record(), n.tree.units
	at := u.unitOf(r.span.Start)
	p := u.pointAt(n.tree.source, r.span.Start)
	c.put(c.l.buffer+place*nodeSize, r.id, at, p[0], p[1], r.other)
}
