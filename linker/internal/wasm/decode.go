package wasm

import (
	"bytes"
	"encoding/binary"
	"time"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// Decode reads and validates a module. The result shares memory with b, which must not be changed
// afterwards. Errors are *[FormatError]; they wrap [ErrNotModule], [ErrVersion], [ErrUnsupported],
// [ErrTooMany] or a cause of package leb where there is one. Time and memory are bounded by a
// multiple of len(b), whatever the counts in it say. What custom sections hold does not matter.
//
// A module is refused that exceeds the limits of [DefaultLimits].
func Decode(b []byte) (*Module, error) { return DecodeWithin(b, DefaultLimits()) }

// DecodeWithin is [Decode] with other limits.
func DecodeWithin(b []byte, limits ModuleLimits) (*Module, error) {
	if err := CheckHeader(b); err != nil {
		return nil, err
	}
	m := &Module{exports: map[string]int{}}
	d := decoder{m: m, most: &limits}
	r := leb.NewReader(b)
	r.Bytes(HeaderSize, "header")
	for rank := 0; r.Len() > 0; {
		s := Section{Offset: r.Offset(), ID: SectionID(r.Byte("section id"))}
		size := r.U32("section size")
		s.Payload = r.Offset()
		body := r.Sub(size, "section")
		s.End = r.Offset()
		if int(s.ID) >= len(sections) {
			r.Fail(s.Offset, nil, "section id %d is unknown", s.ID)
		} else if next := sections[s.ID].rank; next > rank {
			rank = next
		} else if s.ID != SectionCustom {
			r.Fail(s.Offset, nil, "section is repeated or out of order")
		}
		if r.Failed() {
			return nil, formatError(s.ID.String(), r.Err())
		}
		d.r = body
		d.section(s.ID)
		if body.Len() > 0 {
			body.Fail(body.Offset(), nil, "%d bytes left over", body.Len())
		}
		if body.Failed() {
			return nil, formatError(s.ID.String(), body.Err())
		}
		m.Sections = append(m.Sections, s)
	}
	if err := d.finish(len(b)); err != nil {
		return nil, err
	}
	return m, nil
}

// CheckHeader checks the magic number and the version. The error is a *[FormatError] that
// wraps [ErrNotModule], [ErrVersion] or leb.ErrTruncated.
func CheckHeader(b []byte) error {
	if !bytes.HasPrefix(b, []byte(magic)) {
		return &FormatError{Reason: ErrNotModule.Error(), Err: ErrNotModule}
	}
	if len(b) < HeaderSize {
		return &FormatError{Offset: len(b), Reason: "version: " + leb.ErrTruncated.Error(),
			Err: leb.ErrTruncated}
	}
	if v := binary.LittleEndian.Uint32(b[4:]); v != version {
		reason := ErrVersion.Error()
		if v>>16 == 1 { // the upper half is the layer: 0 is a module, 1 is a component
			reason += ": a component, not a module"
		}
		return &FormatError{Offset: 4, Reason: reason, Err: ErrVersion}
	}
	return nil
}

// decoder reads one section at a time into m.
type decoder struct {
	m    *Module
	r    *leb.Reader // over the section at hand
	most *ModuleLimits

	bodies   int // function bodies seen
	elements int // entries of the element segments so far
}

// section reads the section at hand.
func (d *decoder) section(id SectionID) {
	switch id {
	case SectionCustom:
		name := d.r.Name("name of the section")
		c := Custom{Name: name, Offset: d.r.Offset()}
		c.Payload = d.r.Bytes(uint32(d.r.Len()), "payload")
		d.m.Customs = append(d.m.Customs, c)
	case SectionType:
		d.m.Types = vector(d, 3, d.most.Types, "types", d.funcType)
	case SectionImport:
		d.imports()
	case SectionFunction:
		d.m.Funcs = vector(d, 1, d.most.Functions, "functions", d.typeIndex)
	case SectionTable:
		d.tables()
	case SectionMemory:
		at := d.r.Offset()
		d.m.Memories = vector(d, 2, d.most.Memories, "memories", d.memoryType)
		d.oneMemory(at)
	case SectionTag:
		d.m.Tags = vector(d, 2, d.most.Tags, "tags", d.tag)
	case SectionGlobal:
		d.globals()
	case SectionExport:
		d.m.Exports = vector(d, 3, d.most.Exports, "exports", d.export)
	case SectionStart:
		d.start()
	case SectionElement:
		d.m.Elements = vector(d, 3, d.most.Elements, "element segments", d.element)
	case SectionDataCount:
		d.m.DataCount, d.m.HasDataCount = d.r.U32("data count"), true
	case SectionCode:
		d.code()
	case SectionData:
		d.m.Data = vector(d, 2, d.most.Data, "data segments", d.data)
	}
}

// finish checks what spans sections. end is the size of the file.
func (d *decoder) finish(end int) error {
	if d.bodies != len(d.m.Funcs) {
		r := leb.NewReader(nil)
		r.Fail(end, nil, "%d function bodies for %d functions", d.bodies, len(d.m.Funcs))
		return formatError("code", r.Err())
	}
	if d.m.HasDataCount && int64(d.m.DataCount) != int64(len(d.m.Data)) {
		r := leb.NewReader(nil)
		r.Fail(end, nil, "%d data segments, but the data count says %d", len(d.m.Data),
			d.m.DataCount)
		return formatError("data", r.Err())
	}
	return d.lookups(end)
}

// lookups counts what the engine does for constant expressions: it goes through the imports for
// each global and function that they name.
func (d *decoder) lookups(end int) error {
	cost := time.Duration(d.m.code.lookups) * time.Duration(len(d.m.Imports)) * costLookup
	if d.m.cost.Total += cost; d.m.cost.Total > d.most.ModuleCost {
		r := leb.NewReader(nil)
		r.Fail(end, ErrTooMany,
			"it would take too long to compile: an estimated %v for constant expressions", cost)
		return formatError("", r.Err())
	}
	return nil
}

// entries refuses an element segment that has too many entries, before room is made for them. Each
// takes at least minSize bytes.
func (d *decoder) entries(minSize int) {
	at, ahead := d.r.Offset(), *d.r
	n := uint64(d.elements) + uint64(ahead.Count(minSize, "elements"))
	if most := uint64(d.most.Entries); n > most && !ahead.Failed() {
		err := &EntriesError{Value: n, Max: most}
		d.r.Fail(at, err, "%v", err)
	}
}

// vector reads a length, at most most, and that many elements of at least minSize bytes each.
func vector[T any](d *decoder, minSize, most int, what string, read func() T) []T {
	at := d.r.Offset()
	n := d.r.Count(minSize, what)
	if n > most {
		d.r.Fail(at, ErrTooMany, "%d %s: %v, the largest number is %d", n, what, ErrTooMany, most)
		return nil
	}
	if n == 0 {
		return nil
	}
	list := make([]T, 0, n)
	for range n {
		v := read()
		d.m.work++
		if d.r.Failed() {
			return nil
		}
		list = append(list, v)
	}
	return list
}
