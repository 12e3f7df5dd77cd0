package mutant

import "github.com/lockstep-wasm/lockstep/linker/internal/leb"

// kind is what a field of a module is.
type kind byte

const (
	number kind = iota // an unsigned LEB128 number: an index, a count, a limit, flags
	signed             // a signed one
	octet              // a type, a kind, a flag, a lane
	opcode
	name // with its length
	raw  // other bytes
	size // of a section, a body or a subsection
)

// field is a part of a module. box is the innermost container around it, -1 for none.
type field struct {
	kind    kind
	at, end int
	box     int
}

// box is something with a size before it.
type box struct {
	sizeAt, start, end int
	outer              int // index of the box around it, -1 for none
}

type section struct {
	id      byte
	at, end int
}

// headerSize is the number of bytes of magic and version.
const headerSize = 8

// mostFields bounds the fields of a section that are found: of large ones, the beginning.
const mostFields = 1 << 14

// scanner lists the fields of a module. It stops where it understands nothing, without an error.
type scanner struct {
	r        *leb.Reader
	body     int // the one body whose instructions are fields, modulo their number
	fields   []field
	boxes    []box
	sections []section
	spans    []field // instructions, with their immediates
	in       int     // index of the innermost open box, -1 for none
	left     int     // fields until the section has enough
}

// scan lists the fields of a module, of its bodies those of one only.
func scan(module []byte, body int) *scanner {
	s := &scanner{r: leb.NewReader(module), body: body, in: -1}
	s.r.Bytes(headerSize, "header")
	for s.r.Len() > 0 && !s.r.Failed() {
		at := s.r.Offset()
		id := s.r.Byte("id")
		s.fields = append(s.fields, field{octet, at, at + 1, -1})
		s.left = mostFields
		s.boxed(func() { s.section(id) })
		if !s.r.Failed() {
			s.sections = append(s.sections, section{id, at, s.r.Offset()})
		}
	}
	return s
}

// boxed reads a size and what it is the size of. Failures stay inside.
func (s *scanner) boxed(read func()) {
	at := s.r.Offset()
	n := s.r.U32("size")
	if s.r.Failed() {
		return
	}
	s.fields = append(s.fields, field{size, at, s.r.Offset(), s.in})
	outer, inner := s.r, s.r.Sub(n, "box")
	if outer.Failed() {
		return
	}
	s.boxes = append(s.boxes, box{at, inner.Offset(), outer.Offset(), s.in})
	was := s.in
	s.in, s.r = len(s.boxes)-1, inner
	read()
	s.in, s.r = was, outer
}

func (s *scanner) add(k kind, at int) {
	if s.r.Failed() {
		return
	}
	s.fields = append(s.fields, field{k, at, s.r.Offset(), s.in})
	s.left--
}

func (s *scanner) number() uint32 {
	at := s.r.Offset()
	n := s.r.U32("number")
	s.add(number, at)
	return n
}

func (s *scanner) octet() byte {
	at := s.r.Offset()
	b := s.r.Byte("octet")
	s.add(octet, at)
	return b
}

func (s *scanner) name() string {
	at := s.r.Offset()
	b := s.r.Bytes(s.r.U32("length"), "name")
	s.add(name, at)
	return string(b)
}

func (s *scanner) raw(n uint32) {
	at := s.r.Offset()
	s.r.Bytes(n, "bytes")
	s.add(raw, at)
}

// vector reads a length and elements.
func (s *scanner) vector(element func()) {
	for n := s.number(); n > 0 && !s.r.Failed() && s.left > 0; n-- {
		element()
	}
}

func (s *scanner) section(id byte) {
	switch id {
	case 0:
		s.custom()
	case 1:
		s.vector(func() {
			s.octet()
			s.vector(func() { s.octet() })
			s.vector(func() {
				s.octet()
			})
		})
	case 2:
		s.vector(func() { s.name(); s.name(); s.external() })
	case 3:
		s.vector(func() { s.number() })
	case 4:
		s.vector(func() { s.octet(); s.limits() })
	case 5:
		s.vector(s.limits)
	case 6:
		s.vector(func() { s.octet(); s.octet(); s.expression() })
	case 7:
		s.vector(func() { s.name(); s.octet(); s.number() })
	case 8, 12:
		s.number()
	case 9:
		s.vector(s.element)
	case 10:
		s.code()
	case 11:
		s.vector(s.data)
	case 13:
		s.vector(func() { s.octet(); s.number() })
	}
}

// external reads what is imported.
func (s *scanner) external() {
	switch s.octet() {
	case 0:
		s.number()
	case 1:
		s.octet()
		s.limits()
	case 2:
		s.limits()
	case 3:
		s.octet()
		s.octet()
	case 4:
		s.octet()
		s.number()
	}
}

func (s *scanner) limits() {
	flags := s.octet()
	s.number()
	if flags&1 != 0 {
		s.number()
	}
}

func (s *scanner) element() {
	flags := s.number()
	if flags&1 == 0 {
		if flags&2 != 0 {
			s.number()
		}
		s.expression()
	}
	if flags&3 != 0 {
		s.octet()
	}
	if flags&4 != 0 {
		s.vector(s.expression)
	} else {
		s.vector(func() { s.number() })
	}
}

func (s *scanner) data() {
	flags := s.number()
	if flags == 2 {
		s.number()
	}
	if flags != 1 {
		s.expression()
	}
	s.raw(s.number())
}

// code reads one of the bodies.
func (s *scanner) code() {
	n := s.number()
	if n == 0 {
		return
	}
	which := uint32(s.body) % n
	for i := uint32(0); i < n && !s.r.Failed(); i++ {
		if i != which {
			s.r.Bytes(s.r.U32("size"), "body")
			continue
		}
		s.boxed(func() {
			s.vector(func() { s.number(); s.octet() })
			for s.r.Len() > 0 && !s.r.Failed() && s.left > 0 {
				s.instruction()
			}
		})
	}
}

// expression reads a constant expression.
func (s *scanner) expression() {
	for !s.r.Failed() && s.left > 0 {
		if s.instruction() == 0x0b {
			return
		}
	}
}

// custom reads a custom section: names and dylink.0 have a structure.
func (s *scanner) custom() {
	switch s.name() {
	case "dylink":
		s.memory()
		s.vector(func() { s.name() })
	case "dylink.0":
		s.subsections(func(id byte) {
			switch id {
			case 1:
				s.memory()
			case 2, 5:
				s.vector(func() { s.name() })
			case 3:
				s.vector(func() { s.name(); s.number() })
			case 4:
				s.vector(func() { s.name(); s.name(); s.number() })
			}
		})
	case "name":
		s.subsections(func(id byte) {
			switch id {
			case 0:
				s.name()
			case 1, 7:
				s.vector(func() { s.number(); s.name() })
			case 2:
				s.vector(func() { s.number(); s.vector(func() { s.number(); s.name() }) })
			}
		})
	}
}

func (s *scanner) memory() {
	for range 4 {
		s.number()
	}
}

func (s *scanner) subsections(read func(id byte)) {
	for s.r.Len() > 0 && !s.r.Failed() && s.left > 0 {
		id := s.octet()
		s.boxed(func() { read(id) })
	}
}
