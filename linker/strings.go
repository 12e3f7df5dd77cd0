package linker

import "bytes"

// cString returns the string of C at an address. The error is errBadString when it does not end
// inside the memory, and a *LimitError when it is longer than a string of a guest may be.
func (l *Linker) cString(address uint32) (string, error) {
	all, most := l.shared.Mem.Bytes(), uint64(l.config.maxString)
	if uint64(address) >= uint64(len(all)) {
		return "", errBadString
	}
	all = all[address:]
	n := bytes.IndexByte(all[:min(uint64(len(all)), most+1)], 0)
	switch {
	case n >= 0:
		return string(all[:n]), nil
	case uint64(len(all)) <= most:
		return "", errBadString
	}
	return "", &LimitError{Limit: limitString, Value: most + 1, Max: most}
}

// guestString returns the n bytes at an address as a string. The errors are those of cString.
func (l *Linker) guestString(address, n uint32) (string, error) {
	b, ok := l.shared.Mem.At(address, n)
	switch most := uint64(l.config.maxString); {
	case !ok:
		return "", errBadString
	case uint64(n) > most:
		return "", &LimitError{Limit: limitString, Value: uint64(n), Max: most}
	}
	return string(b), nil
}
