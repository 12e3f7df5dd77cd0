package webts

import (
	"encoding/binary"
	"unicode/utf16"
)

// maxChunk is how many UTF-16 units web-tree-sitter takes at once: its buffer has 10 KiB, of which
// it leaves the last unit unused (call_parse_callback in lib/binding_web/lib/tree-sitter.c).
const maxChunk = 10*1024/2 - 1

// text is a source text in the form in which web-tree-sitter reads it: UTF-16 units.
type text []uint16

// newText converts a source text. Bytes that are not UTF-8 become U+FFFD.
func newText(source string) text { return utf16.Encode([]rune(source)) }

// chunk returns the units from index on, at most maxChunk of them, and none at the end of the text.
// A pair of surrogates may be cut in two: the reader asks again from the first half on.
func (t text) chunk(index uint32) []uint16 {
	if uint64(index) >= uint64(len(t)) {
		return nil
	}
	rest := t[index:]
	return rest[:min(len(rest), maxChunk)]
}

// littleEndian returns units as they lie in linear memory.
func littleEndian(units []uint16) []byte {
	bytes := make([]byte, 0, 2*len(units))
	for _, u := range units {
		bytes = binary.LittleEndian.AppendUint16(bytes, u)
	}
	return bytes
}
