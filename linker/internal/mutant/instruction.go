package mutant

// instruction reads an instruction and returns its opcode. Immediates: n a number, s a signed one,
// b an octet, 4, 8 and 6 that many bytes (6 for sixteen), t a vector of numbers and another number,
// c the catches of try_table, v a vector of octets.
func (s *scanner) instruction() byte {
	start := s.r.Offset()
	op := s.r.Byte("opcode")
	s.add(opcode, start)
	list := immediates(op)
	switch op {
	case 0xfc, 0xfd, 0xfe:
		list = prefixed(op, s.number())
	}
	for _, immediate := range list {
		s.immediate(immediate)
	}
	if !s.r.Failed() {
		s.spans = append(s.spans, field{raw, start, s.r.Offset(), s.in})
	}
	return op
}

func (s *scanner) immediate(of rune) {
	at := s.r.Offset()
	switch of {
	case 'n':
		s.number()
	case 's':
		s.r.S64("signed")
		s.add(signed, at)
	case 'b':
		s.octet()
	case '4':
		s.raw(4)
	case '8':
		s.raw(8)
	case '6':
		s.raw(16)
	case 't':
		s.vector(func() { s.number() })
		s.number()
	case 'v':
		s.vector(func() { s.octet() })
	case 'c':
		s.vector(func() {
			if s.octet() < 2 {
				s.number()
			}
			s.number()
		})
	}
}

// immediates returns what follows an opcode.
func immediates(op byte) string {
	switch {
	case op >= 0x02 && op <= 0x04, op == 0x06:
		return "s"
	case op == 0x1f:
		return "sc"
	case op == 0x0e:
		return "t"
	case op == 0x11 || op == 0x13:
		return "nn"
	case op == 0x1c:
		return "v"
	case op >= 0x28 && op <= 0x3e:
		return "nn"
	case op == 0x41 || op == 0x42 || op == 0xd0:
		return "s"
	case op == 0x43:
		return "4"
	case op == 0x44:
		return "8"
	case op >= 0x07 && op <= 0x09, op == 0x0c || op == 0x0d || op == 0x10 || op == 0x12 ||
		op == 0x18, op >= 0x20 && op <= 0x26, op == 0x3f || op == 0x40, op == 0xd2:
		return "n"
	}
	return ""
}

// prefixed returns what follows an opcode behind a prefix.
func prefixed(prefix byte, sub uint32) string {
	switch {
	case prefix == 0xfc && (sub == 8 || sub == 10 || sub == 12 || sub == 14):
		return "nn"
	case prefix == 0xfc && sub > 8:
		return "n"
	case prefix == 0xfe && sub == 3:
		return "b"
	case prefix == 0xfe, prefix == 0xfd && (sub < 12 || sub == 92 || sub == 93):
		return "nn"
	case prefix == 0xfd && (sub == 12 || sub == 13):
		return "6"
	case prefix == 0xfd && sub >= 21 && sub <= 34:
		return "b"
	case prefix == 0xfd && sub >= 84 && sub <= 91:
		return "nnb"
	}
	return ""
}
