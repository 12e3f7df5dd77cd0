package leb_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
	"pgregory.net/rapid"
)

func Example() {
	r := leb.NewReader([]byte{0xe5, 0x8e, 0x26, 3, 'a', 'b', 'c'})
	fmt.Println(r.U32("size"), r.Name("name"))
	r.U32("one more")
	fmt.Println(r.Err())
	// Output:
	// 624485 abc
	// one more: unexpected end at offset 0x7
}

func TestIntegers(t *testing.T) {
	u32 := func(r *leb.Reader) int64 { return int64(r.U32("v")) }
	s32 := func(r *leb.Reader) int64 { return int64(r.S32("v")) }
	s33 := func(r *leb.Reader) int64 { return r.S33("v") }
	s64 := func(r *leb.Reader) int64 { return r.S64("v") }
	tests := []struct {
		name string
		read func(*leb.Reader) int64
		in   []byte
		want int64
		err  error
	}{
		{"u32 zero", u32, []byte{0}, 0, nil},
		{"u32 padded zero", u32, []byte{0x80, 0x80, 0x80, 0x80, 0}, 0, nil},
		{"u32 max", u32, []byte{0xff, 0xff, 0xff, 0xff, 0x0f}, math.MaxUint32, nil},
		{"u32 too large", u32, []byte{0xff, 0xff, 0xff, 0xff, 0x1f}, 0, leb.ErrTooLarge},
		{"u32 too long", u32, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0}, 0, leb.ErrOverlong},
		{"u32 cut", u32, []byte{0x80}, 0, leb.ErrTruncated},
		{"u32 nothing", u32, nil, 0, leb.ErrTruncated},
		{"s32 minus one", s32, []byte{0x7f}, -1, nil},
		{"s32 padded minus one", s32, []byte{0xff, 0xff, 0xff, 0xff, 0x7f}, -1, nil},
		{"s32 64", s32, []byte{0xc0, 0}, 64, nil},
		{"s32 min", s32, []byte{0x80, 0x80, 0x80, 0x80, 0x78}, math.MinInt32, nil},
		{"s32 max", s32, []byte{0xff, 0xff, 0xff, 0xff, 0x07}, math.MaxInt32, nil},
		{"s32 above max", s32, []byte{0x80, 0x80, 0x80, 0x80, 0x08}, 0, leb.ErrTooLarge},
		{"s32 below min", s32, []byte{0xff, 0xff, 0xff, 0xff, 0x77}, 0, leb.ErrTooLarge},
		{"s32 too long", s32, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 0, leb.ErrOverlong},
		{"s33 above 32 bits", s33, []byte{0x80, 0x80, 0x80, 0x80, 0x08}, 1 << 31, nil},
		{"s33 too large", s33, []byte{0x80, 0x80, 0x80, 0x80, 0x10}, 0, leb.ErrTooLarge},
		{"s64 min", s64, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f},
			math.MinInt64, nil},
		{"s64 max", s64, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0},
			math.MaxInt64, nil},
		{"s64 too large", s64, []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 0,
			leb.ErrTooLarge},
		{"s64 too long", s64, []byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0},
			0, leb.ErrOverlong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := leb.NewReader(tt.in)
			got := tt.read(r)
			if got != tt.want || !errors.Is(r.Err(), tt.err) {
				t.Fatalf("read %d, %v; want %d, %v", got, r.Err(), tt.want, tt.err)
			}
			if tt.err == nil && r.Len() != 0 {
				t.Fatalf("%d bytes left", r.Len())
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, s32, s64 := rapid.Uint32().Draw(t, "u32"), rapid.Int32().Draw(t, "s32"),
			rapid.Int64().Draw(t, "s64")
		name, payload := rapid.String().Draw(t, "name"),
			rapid.SliceOf(rapid.Byte()).Draw(t, "payload")
		var b []byte
		b = leb.AppendU32(b, u)
		b = leb.AppendS64(b, int64(s32))
		b = leb.AppendS64(b, s64)
		b = leb.AppendName(b, name)
		b = leb.AppendBytes(b, payload)
		r := leb.NewReader(b)
		if got := r.U32("u32"); got != u {
			t.Fatalf("u32: %d, want %d", got, u)
		}
		if got := r.S32("s32"); got != s32 {
			t.Fatalf("s32: %d, want %d", got, s32)
		}
		if got := r.S64("s64"); got != s64 {
			t.Fatalf("s64: %d, want %d", got, s64)
		}
		if got := r.Name("name"); got != name {
			t.Fatalf("name: %q, want %q", got, name)
		}
		if got := r.Bytes(r.U32("size"), "payload"); string(got) != string(payload) {
			t.Fatalf("payload: %x, want %x", got, payload)
		}
		if r.Err() != nil || r.Len() != 0 {
			t.Fatalf("%v, %d bytes left", r.Err(), r.Len())
		}
	})
}

func TestFailureSticks(t *testing.T) {
	r := leb.NewReader([]byte{5, 'a', 'b'})
	if got := r.Name("name"); got != "" {
		t.Fatalf("name %q", got)
	}
	first := r.Err()
	r.Byte("next")
	r.Fail(99, leb.ErrUTF8, "later")
	sub := r.Sub(1, "sub")
	var e *leb.Error
	if !errors.As(r.Err(), &e) || e != first || e.Offset != 1 || !errors.Is(e, leb.ErrTruncated) {
		t.Fatalf("%v, want the first failure", r.Err())
	}
	if !sub.Failed() || sub.Byte("in sub") != 0 {
		t.Fatal("a sub-reader of a failed reader works")
	}
}

func TestSubReaderEndsEarly(t *testing.T) {
	r := leb.NewReader([]byte{9, 1, 2, 3})
	r.Byte("head")
	sub := r.Sub(2, "sub")
	sub.Bytes(2, "two")
	if sub.Byte("third"); !errors.Is(sub.Err(), leb.ErrTruncated) || sub.Offset() != 3 {
		t.Fatalf("%v at %d", sub.Err(), sub.Offset())
	}
	if got := r.Byte("rest"); got != 3 || r.Failed() {
		t.Fatalf("rest %d, %v", got, r.Err())
	}
}

func TestCountIsBoundedByTheInput(t *testing.T) {
	huge := []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3, 4}
	r := leb.NewReader(huge)
	if n := r.Count(1, "count"); n != 0 || !errors.Is(r.Err(), leb.ErrTruncated) {
		t.Fatalf("%d, %v", n, r.Err())
	}
	r = leb.NewReader([]byte{2, 1, 2, 3, 4})
	if n := r.Count(2, "count"); n != 2 || r.Failed() {
		t.Fatalf("%d, %v", n, r.Err())
	}
	if since := r.Since(0); len(since) != 1 || since[0] != 2 {
		t.Fatalf("since %x", since)
	}
}

func TestBytesDoNotAllowOverwriting(t *testing.T) {
	buf := []byte{1, 2, 3, 4}
	got := leb.NewReader(buf).Bytes(2, "two")
	_ = append(got, 9)
	if buf[2] != 3 {
		t.Fatal("appending to a result wrote into the buffer")
	}
}

func TestNameMustBeUTF8(t *testing.T) {
	r := leb.NewReader([]byte{2, 0xc3, 0x28})
	if got := r.Name("name"); got != "" || !errors.Is(r.Err(), leb.ErrUTF8) {
		t.Fatalf("%q, %v", got, r.Err())
	}
}
