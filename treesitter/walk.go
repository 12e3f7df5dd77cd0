package treesitter

import (
	"context"
	"encoding/binary"
	"fmt"
)

// What glue/walk.c shares with this file: how large a record and a walk are, and how many records
// it writes at a call.
const (
	recordSize = 12 * 4
	walkSize   = 5 * 4
	maxRecords = 4096
	lastRecord = 1 << 31
)

// Flags of a node, as glue/walk.c has them.
const (
	flagNamed = 1 << iota
	flagExtra
	flagMissing
	flagError
	flagHasError
	flagHasChanges
)

// record is what is known of a node. The list of a tree's records has parents before their
// children, and these in their order, so the descendants of a node come right behind it.
type record struct {
	span             Range
	id, other        uint32 // by which the library knows the node
	parent           int32  // its index, or -1
	descendants      int32  // how many records belong to it, with its own
	children, named  int32  // how many
	symbol, grammars uint16
	field            uint16
	state, next      uint16
	flags            uint8
}

// walk reads the nodes of a tree.
func (c *call) walk(ctx context.Context, tree uint32, u units) ([]record, error) {
	var list []record
	var path []int32 // from the root to the node that was read last
	at := c.l.records + maxRecords*recordSize
	c.call("lockstep_walk_begin", tree, at, c.l.buffer)
	for more := true; more; {
		n := c.call("lockstep_walk", tree, at, c.l.records, maxRecords, c.l.buffer)
		more, n = n&lastRecord == 0, n&^lastRecord
		if n > maxRecords {
			panic(failure{fmt.Errorf("%w: %d nodes", ErrMemory, n)})
		}
		b := c.view(c.l.records, n*recordSize)
		for ; len(b) > 0; b = b[recordSize:] {
			depth := int(binary.LittleEndian.Uint32(b[44:]))
			if depth > len(path) {
				panic(failure{fmt.Errorf("%w: a node of depth %d", ErrMemory, depth)})
			}
			path = append(path[:depth], int32(len(list)))
			list = append(list, read(b, u))
			list[len(list)-1].join(list, path)
		}
		if err := context.Cause(ctx); err != nil {
			c.call("lockstep_walk_end", tree, at, c.l.buffer)
			return nil, err
		}
	}
	c.call("lockstep_walk_end", tree, at, c.l.buffer)
	// A parent's record comes before those of its children, so that their counts are there first
	// from the end on.
	for i := len(list) - 1; i > 0; i-- {
		list[list[i].parent].descendants += list[i].descendants
	}
	return list, nil
}

// read decodes a record.
func read(b []byte, u units) record {
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(b[4*i:]) }
	halves := func(i int) (low, high uint16) {
		w := word(i)
		return uint16(w), uint16(w >> 16)
	}
	r := record{id: word(0), other: word(4), descendants: 1}
	r.span = Range{u.byteOf(word(1)), u.byteOf(word(5)), u.point(word(1), word(2), word(3)),
		u.point(word(5), word(6), word(7))}
	var flags uint16
	r.symbol, r.grammars = halves(8)
	flags, r.field = halves(9)
	r.flags = uint8(flags)
	r.state, r.next = halves(10)
	return r
}

// join makes a record, the last of a list, a child of the one before it in a path.
func (r *record) join(list []record, path []int32) {
	r.parent = -1
	if len(path) < 2 {
		return
	}
	r.parent = path[len(path)-2]
	list[r.parent].children++
	if r.flags&flagNamed != 0 {
		list[r.parent].named++
	}
}
