package image

import "hash/maphash"

// Sum is what tells the bytes of two libraries apart. Sums of one [Sums] can be compared.
type Sum struct {
	length int
	hashes [2]uint64
}

// Sums makes sums, with secrets of its own: so a library's author cannot look for other bytes of
// the same sum. There are two, for 128 bits. A cryptographic hash would take a tenth of the time of
// a warm load.
type Sums [2]maphash.Seed

// NewSums returns new secrets.
func NewSums() Sums { return Sums{maphash.MakeSeed(), maphash.MakeSeed()} }

// Of sums bytes up.
func (s *Sums) Of(b []byte) Sum {
	return Sum{len(b), [2]uint64{maphash.Bytes(s[0], b), maphash.Bytes(s[1], b)}}
}
