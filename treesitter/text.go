package treesitter

import (
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Point is a position in a text: a row, and a column in bytes. Both begin at 0.
type Point struct{ Row, Column int }

// Compare returns -1, 0 or 1: p is before q, at q, or behind q.
func (p Point) Compare(q Point) int {
	switch {
	case p == q:
		return 0
	case p.Row < q.Row, p.Row == q.Row && p.Column < q.Column:
		return -1
	}
	return 1
}

// Range is a part of a text: from Start to End, in bytes, End excluded, and the same as points.
type Range struct {
	Start, End           int
	StartPoint, EndPoint Point
}

// PointAt returns the row and the column of an offset in a text; of the end for larger offsets.
func PointAt(source string, offset int) Point {
	before := source[:min(max(offset, 0), len(source))]
	return Point{strings.Count(before, "\n"), len(before) - 1 - strings.LastIndexByte(before, '\n')}
}

// RangeAt returns the range between two offsets in a text.
func RangeAt(source string, start, end int) Range {
	return Range{start, end, PointAt(source, start), PointAt(source, end)}
}

// OffsetAt returns the offset of a row and a column in a text; the end of the row for larger
// columns, the end of the text for larger rows.
func OffsetAt(source string, p Point) int {
	at := 0
	for range p.Row {
		n := strings.IndexByte(source[at:], '\n')
		if n < 0 {
			return len(source)
		}
		at += n + 1
	}
	row := len(source) - at
	if n := strings.IndexByte(source[at:], '\n'); n >= 0 {
		row = n
	}
	return at + min(max(p.Column, 0), row)
}

// maxChunk is how many UTF-16 units web-tree-sitter takes at once: its buffer has 10 KiB, of which
// it leaves the last unit unused (call_parse_callback in lib/binding_web/lib/tree-sitter.c).
const maxChunk = 10*1024/2 - 1

// utf16Text is a source text in the form in which web-tree-sitter reads it: UTF-16 units.
type utf16Text []uint16

// newText converts a source text. Bytes that are not UTF-8 become U+FFFD.
func newText(source string) utf16Text {
	list := make(utf16Text, 0, len(source))
	for _, r := range source {
		list = utf16.AppendRune(list, r)
	}
	return list
}

// chunk returns the units from index on, at most maxChunk of them, and none at the end of the text.
// A pair of surrogates may be cut in two: the reader asks again from the first half on.
func (t utf16Text) chunk(index uint32) []uint16 {
	if uint64(index) >= uint64(len(t)) {
		return nil
	}
	rest := t[index:]
	return rest[:min(len(rest), maxChunk)]
}

// units translates between offsets in bytes and in UTF-16 units. The list is nil for a text in
// which they are the same.
type units struct {
	offsets []int // in bytes, of each unit, and of the end
	length  int   // of the text, in bytes
}

func newUnits(source string) units {
	u := units{length: len(source)}
	ascii := true
	for i := range len(source) {
		if source[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return u
	}
	u.offsets = make([]int, 0, len(source)+1)
	for i, r := range source {
		u.offsets = append(u.offsets, i)
		if r > 0xffff {
			u.offsets = append(u.offsets, i) // two units
		}
	}
	u.offsets = append(u.offsets, len(source))
	return u
}

// byteOf returns the offset of a unit in bytes; the end of the text for larger ones.
func (u units) byteOf(unit uint32) int {
	if u.offsets == nil {
		return min(int(unit), u.length)
	}
	return u.offsets[min(int(unit), len(u.offsets)-1)]
}

// unitOf returns the unit at an offset in bytes, or the one that it is in.
func (u units) unitOf(offset int) uint32 {
	offset = min(max(offset, 0), u.length)
	if u.offsets == nil {
		return uint32(offset)
	}
	return uint32(sort.SearchInts(u.offsets, offset))
}

// point translates a point: unit is the offset that it is at.
func (u units) point(unit, row, column uint32) Point {
	if u.offsets == nil {
		return Point{int(row), int(column)}
	}
	column = min(column, unit)
	return Point{int(row), u.byteOf(unit) - u.byteOf(unit-column)}
}

// pointAt returns the row and, in units, the column of an offset in bytes.
func (u units) pointAt(source string, offset int) [2]uint32 {
	p := PointAt(source, offset)
	return [2]uint32{uint32(p.Row), u.unitOf(offset) - u.unitOf(offset-p.Column)}
}
