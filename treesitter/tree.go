package treesitter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
)

// Tree is the syntax tree of a source text. It does not change: an edit makes another one.
type Tree struct {
	lib      *Library
	language *Language
	source   string
	units    units
	address  uint32 // TSTree *
	give     *given
	nodes    []record // guarded by the library's lock until read; then it does not change
	ids      map[uint32]int32
}

// given is what is given back once: by Close or by the garbage collector.
type given struct {
	done atomic.Bool
	l    *image
	h    handle
}

// lend makes what is closed with an object.
func lend[T any](l *image, object *T, h handle) *given {
	g := &given{l: l, h: h}
	runtime.AddCleanup(object, func(g *given) { g.retire() }, g)
	return g
}

func (g *given) closed() bool { return g.done.Load() }

// retire has the memory given back at the next opportunity; false if that was done before.
func (g *given) retire() bool {
	if !g.done.CompareAndSwap(false, true) {
		return false
	}
	g.l.retire(g.h)
	return true
}

// close gives the memory back. There is nothing to give back to a library that is closed.
func (g *given) close(ctx context.Context, l *Library) error {
	if !g.retire() {
		return nil
	}
	err := l.do(ctx, func(*call) error { return nil })
	if errors.Is(err, ErrClosed) || errors.Is(err, ErrBroken) {
		return nil
	}
	return err
}

// newTree makes a tree of what the library returned.
func newTree(l *Library, language *Language, source string, u units, address uint32) *Tree {
	t := &Tree{lib: l, language: language, source: source, units: u, address: address}
	t.give = lend(l.image, t, handle{function: "ts_tree_delete", address: address})
	return t
}

// Language returns the language that the tree was parsed with.
func (t *Tree) Language() *Language { return t.language }

// Source returns the source text; of an edited tree, the edited text.
func (t *Tree) Source() string { return t.source }

// Close gives back what the tree takes in the library. Nodes can still be read; what asks the
// library fails with [ErrClosed].
func (t *Tree) Close(ctx context.Context) error { return t.give.close(ctx, t.lib) }

// use calls f while the tree is there.
func (t *Tree) use(ctx context.Context, f func(c *call) error) error {
	return t.useWith(ctx, nil, f)
}

func (t *Tree) useWith(ctx context.Context, in *input, f func(c *call) error) error {
	defer runtime.KeepAlive(t)
	return t.lib.doWith(ctx, in, func(c *call) error {
		if t.give.closed() {
			return ErrClosed
		}
		return f(c)
	})
}

// Root returns the node that all others are below. The first call reads the tree out of the
// library; from then on its nodes need neither the library nor a context.
func (t *Tree) Root(ctx context.Context) (Node, error) {
	var root Node
	read := func(c *call) error {
		if err := t.read(ctx, c); err != nil {
			return err
		}
		root = Node{t, 0}
		return nil
	}
	if err := t.use(ctx, read); err != nil {
		return Node{}, err
	}
	return root, nil
}

// read reads the nodes, once.
func (t *Tree) read(ctx context.Context, c *call) (err error) {
	if t.nodes != nil {
		return nil
	}
	nodes, err := c.walk(ctx, t.address, t.units)
	if err != nil {
		return err
	}
	t.ids = make(map[uint32]int32, len(nodes))
	for i := range nodes {
		t.ids[nodes[i].id] = int32(i)
	}
	t.nodes = nodes
	return nil
}

// InputEdit says how a source text was changed: what was between two offsets in bytes is another
// text now. The zero End… of an insertion is Start.
type InputEdit struct {
	Start, OldEnd int
	Text          string // what is there instead
}

// apply returns the changed text.
func (e InputEdit) apply(source string) (string, error) {
	if e.Start < 0 || e.OldEnd < e.Start || e.OldEnd > len(source) {
		return "", fmt.Errorf("%w: edit from %d to %d of %d bytes", ErrRange, e.Start, e.OldEnd,
			len(source))
	}
	return strings.Join([]string{source[:e.Start], e.Text, source[e.OldEnd:]}, ""), nil
}

// Edit returns the tree with its positions changed as edits of the source text demand, each of
// which counts on those before it. It is not what a parser would make of the edited text: give it
// to [Parser.Parse] with [After] for that. The tree itself stays as it is.
func (t *Tree) Edit(ctx context.Context, edits ...InputEdit) (*Tree, error) {
	var edited *Tree
	err := t.use(ctx, func(c *call) error {
		source, u := t.source, t.units
		var changes [][]uint32 // as the library takes an edit
		for _, e := range edits {
			next, err := e.apply(source)
			if err != nil {
				return err
			}
			after := newUnits(next)
			end := e.Start + len(e.Text)
			from, to, now := u.pointAt(source, e.Start), u.pointAt(source, e.OldEnd),
				after.pointAt(next, end)
			changes = append(changes, []uint32{from[0], from[1], to[0], to[1], now[0],
				now[1], u.unitOf(e.Start), u.unitOf(e.OldEnd), after.unitOf(end)})
			source, u = next, after
		}
		address := c.call("ts_tree_copy", t.address)
		for _, x := range changes {
			c.put(c.l.buffer, x...)
			c.call("ts_tree_edit_wasm", address)
		}
		edited = newTree(t.lib, t.language, source, u, address)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return edited, nil
}

// Copy returns the same tree, which is closed by itself.
func (t *Tree) Copy(ctx context.Context) (*Tree, error) { return t.Edit(ctx) }

// rangeSize is how large a range is in the library's memory.
const rangeSize = 6 * 4

// ranges reads the list of ranges that the library has left.
func (t *Tree) ranges(c *call) (list []Range) {
	c.list(rangeSize, true, func(b []byte) {
		start := t.units.byteOf(binary.LittleEndian.Uint32(b[16:]))
		end := t.units.byteOf(binary.LittleEndian.Uint32(b[20:]))
		list = append(list, RangeAt(t.source, start, end))
	})
	return list
}

// ChangedRanges returns where the structure of a tree that was parsed [After] this edited one is
// another one, in order. They are ranges of the other tree's text.
func (t *Tree) ChangedRanges(ctx context.Context, next *Tree) (list []Range, err error) {
	if next.lib.image != t.lib.image || next.language != t.language {
		return nil, ErrForeign
	}
	defer runtime.KeepAlive(next)
	err = t.use(ctx, func(c *call) error {
		if next.give.closed() {
			return ErrClosed
		}
		c.call("ts_tree_get_changed_ranges_wasm", t.address, next.address)
		list = next.ranges(c)
		return nil
	})
	return list, err
}

// IncludedRanges returns the ranges that the tree was parsed [Within]: one that has the whole text
// in it if there were none.
func (t *Tree) IncludedRanges(ctx context.Context) (list []Range, err error) {
	err = t.use(ctx, func(c *call) error {
		c.call("ts_tree_included_ranges_wasm", t.address)
		list = t.ranges(c)
		return nil
	})
	return list, err
}
