package linker

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/image"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// chunk is an active data segment: where it belongs in memory, and what it holds.
type chunk struct {
	base     uint32
	to, from []byte
}

// writeData writes a module's data area: zero where it has no data, for memory is used again.
func (l *Linker) writeData(m *image.Module) error {
	if m.Src == nil {
		return nil
	}
	if m.Generated {
		l.writeGiven(m)
		return nil
	}
	bounds := m.Memory
	if m.Fixed {
		bounds = spans.Span{Base: 0, Size: uint32(min(uint64(len(l.shared.Mem.Bytes())), 1<<32-1))}
	}
	chunks, gaps, err := l.chunks(m, bounds)
	if err != nil {
		return err
	}
	if !m.Fixed {
		for _, gap := range gaps {
			if b, ok := l.shared.Mem.At(gap.Base, gap.Size); ok {
				clear(b)
			}
		}
	}
	for _, c := range chunks {
		l.shared.Mem.Touch(c.base, uint32(len(c.from)))
		copy(c.to, c.from)
	}
	return nil
}

// chunks returns a module's active data segments, and the gaps that they leave in its data area.
// Where a segment begins before the end of one that came earlier, it makes the gaps no smaller.
func (l *Linker) chunks(m *image.Module, bounds spans.Span) (chunks []chunk, gaps []spans.Span,
	err error) {
	globals, next := m.Placement(), uint64(bounds.Base)
	for i := range m.Src.Data {
		d := &m.Src.Data[i]
		if d.Mode != wasm.Active {
			continue
		}
		v, err := d.Offset.Eval(globals)
		if err != nil {
			return nil, nil, fmt.Errorf("linker: offset of data segment %d: %w", i, err)
		}
		base := uint32(v)
		if base < bounds.Base || uint64(base)+uint64(len(d.Bytes)) > bounds.End() {
			return nil, nil, &SegmentError{Module: m.Name,
				Segment: fmt.Sprintf("data segment %d", i), From: uint64(base),
				To: uint64(base) + uint64(len(d.Bytes)), Low: uint64(bounds.Base),
				High: bounds.End()}
		}
		b, ok := l.shared.Mem.At(base, uint32(len(d.Bytes)))
		if !ok {
			return nil, nil, &LimitError{Limit: "memory (bytes)",
				Value: uint64(base) + uint64(len(d.Bytes)),
				Max:   uint64(len(l.shared.Mem.Bytes()))}
		}
		chunks = append(chunks, chunk{base: base, to: b, from: d.Bytes})
		if uint64(base) >= next {
			gaps = append(gaps, spans.Span{Base: uint32(next), Size: uint32(uint64(base) - next)})
			next = uint64(base) + uint64(len(d.Bytes))
		}
	}
	last := spans.Span{Base: uint32(next), Size: uint32(bounds.End() - next)}
	return chunks, append(gaps, last), nil
}
