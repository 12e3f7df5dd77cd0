package leb

// AppendU32 appends v in the shortest form.
func AppendU32(b []byte, v uint32) []byte {
	for v >= 0x80 {
		b = append(b, byte(v)|0x80)
		v >>= 7
	}
	return append(b, byte(v))
}

// AppendS64 appends v in the shortest form, which is also that of 32 bits when v fits them.
func AppendS64(b []byte, v int64) []byte {
	for {
		low := byte(v) & 0x7f
		v >>= 7
		if (v == 0 && low&0x40 == 0) || (v == -1 && low&0x40 != 0) {
			return append(b, low)
		}
		b = append(b, low|0x80)
	}
}

// AppendBytes appends p with its length before it. p must be shorter than 4 GiB.
func AppendBytes(b, p []byte) []byte {
	return append(AppendU32(b, uint32(len(p))), p...)
}

// AppendName appends s with its length before it. s must be shorter than 4 GiB.
func AppendName(b []byte, s string) []byte {
	return append(AppendU32(b, uint32(len(s))), s...)
}
