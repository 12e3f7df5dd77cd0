// Package leb reads and writes what every WebAssembly structure is made of:
// LEB128 integers, length-prefixed byte strings and names.
//
//	r := leb.NewReader(file)
//	r.Bytes(8, "header")
//	id, size := r.Byte("section id"), r.U32("section size")
//	body := r.Sub(size, "section")
//	if err := r.Err(); err != nil {
//		return err // *leb.Error: what was read, and at which byte of the file
//	}
//
// The first failure sticks: later reads return zero values, so a decoder reads a whole
// structure and asks once. Offsets are always those of the outermost buffer.
//
// Source: WebAssembly Core Specification 2.0, section 5.2 (binary format, values).
package leb
