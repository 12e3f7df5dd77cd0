package treesitter

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTextIsHandedOutInChunks(t *testing.T) {
	tests := []struct {
		name, source, want string
	}{
		{"empty", "", ""},
		{"short", "package p", "package p"},
		{"one chunk", strings.Repeat("x", maxChunk), strings.Repeat("x", maxChunk)},
		{"a unit more", strings.Repeat("x", maxChunk+1), strings.Repeat("x", maxChunk+1)},
		{"several chunks", strings.Repeat("äöü\n", 10000), strings.Repeat("äöü\n", 10000)},
		{"a pair across the border", strings.Repeat("x", maxChunk-1) + "😀y",
			strings.Repeat("x", maxChunk-1) + "😀y"},
		{"not UTF-8", "a\xffb", "a\ufffdb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			source := newText(tt.source)
			var units []uint16
			for {
				chunk := source.chunk(uint32(len(units)))
				if len(chunk) == 0 {
					break
				}
				if len(chunk) > maxChunk {
					t.Fatalf("a chunk of %d units, want at most %d", len(chunk), maxChunk)
				}
				units = append(units, chunk...)
			}
			if got := string(utf16.Decode(units)); got != tt.want {
				t.Errorf("chunks of %d bytes join to %d bytes of another text", len(tt.want),
					len(got))
			}
			if got := source.chunk(1 << 31); len(got) != 0 {
				t.Errorf("chunk far behind the end has %d units", len(got))
			}
		})
	}
}

// Offsets and points go to units and back, in any text.
func TestUnits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := rapid.StringOf(rapid.RuneFrom([]rune("ab\nü€😀\ufffd"))).Draw(t, "source")
		u, all := newUnits(source), utf16.Encode([]rune(source))
		if n := u.unitOf(len(source)); int(n) != len(all) {
			t.Fatalf("%d units, want %d", n, len(all))
		}
		for i := range source {
			unit := len(utf16.Encode([]rune(source[:i])))
			if got := u.unitOf(i); int(got) != unit {
				t.Errorf("byte %d is unit %d, want %d", i, got, unit)
			}
			if got := u.byteOf(uint32(unit)); got != i {
				t.Errorf("unit %d is byte %d, want %d", unit, got, i)
			}
			p, q := PointAt(source, i), u.pointAt(source, i)
			if got := u.point(uint32(unit), q[0], q[1]); got != p || OffsetAt(source, p) != i {
				t.Errorf("byte %d is at %v, by units %v, back %d", i, p, got, OffsetAt(source, p))
			}
		}
		if !utf8.ValidString(source) {
			t.Fatal("not UTF-8")
		}
	})
}

func TestPoints(t *testing.T) {
	const source = "ab\n\nü"
	for _, c := range []struct {
		p  Point
		at int
	}{{Point{0, 0}, 0}, {Point{0, 2}, 2}, {Point{0, 9}, 2}, {Point{1, 0}, 3}, {Point{2, 0}, 4},
		{Point{2, 2}, 6}, {Point{9, 9}, 6}} {
		if got := OffsetAt(source, c.p); got != c.at {
			t.Errorf("%v is at %d, want %d", c.p, got, c.at)
		}
	}
	if p := PointAt(source, 99); p != (Point{2, 2}) {
		t.Errorf("behind the end: %v", p)
	}
	if (Point{1, 2}).Compare(Point{1, 3}) != -1 || (Point{2, 0}).Compare(Point{1, 3}) != 1 ||
		(Point{1, 1}).Compare(Point{1, 1}) != 0 {
		t.Error("points are out of order")
	}
}
