package table

import (
	"fmt"
	"math"

	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// forever is a quarantine that ends for none but the owner.
const forever = math.MaxUint32

// FullError says that a table cannot have as many entries as are needed.
type FullError struct{ Need, Max uint64 }

// Error implements the error interface.
func (e *FullError) Error() string {
	return fmt.Sprintf("table: %d entries of %d", e.Need, e.Max)
}

// Slots hands out the entries of a table.
type Slots struct {
	Length uint32 // entries handed out or free; every group's table has at least as many
	Max    uint32
	Free   spans.Set
}

// Take returns the first of n entries in a row; align is a power of two.
func (s *Slots) Take(n, align uint32) (uint32, error) {
	if base, ok := s.Free.Take(n, align); ok {
		return base, nil
	}
	base := spans.AlignUp(uint64(s.Length), align)
	if end := base + uint64(n); end > uint64(s.Max) || end > math.MaxInt32 {
		return 0, &FullError{Need: end, Max: uint64(s.Max)}
	}
	s.Free.Give(spans.Span{Base: s.Length, Size: uint32(base) - s.Length})
	s.Length = uint32(base) + n
	return uint32(base), nil
}

// Give takes entries back.
func (s *Slots) Give(r spans.Span) { s.Free.Give(r) }
