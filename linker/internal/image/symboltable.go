package image

// symbolTable is a hash table of symbols that only grows. The caller brings the hash, which is the
// same for all tables of a scope: so it is computed once for a look-up. A symbol that is not in the
// table costs one look, mostly.
type symbolTable struct {
	heads   []uint32 // a power of two of them: 0, or one more than the number of an entry
	entries []symbolEntry
}

// symbolEntry is a symbol with its first definition, so that one look finds it. export is nil for
// what the module was going to export again when the table was made; then its own table is asked.
type symbolEntry struct {
	hash   uint64
	name   string
	m      *Module
	export *Export
}

func (t *symbolTable) len() int { return len(t.entries) }

// get returns the entry of a symbol, nil if there is none.
func (t *symbolTable) get(hash uint64, name string) *symbolEntry {
	if len(t.heads) == 0 {
		return nil
	}
	for at := hash; ; at++ {
		n := t.heads[at&uint64(len(t.heads)-1)]
		if n == 0 {
			return nil
		}
		if e := &t.entries[n-1]; e.hash == hash && e.name == name {
			return e
		}
	}
}

// add enters a symbol, unless it is there.
func (t *symbolTable) add(e symbolEntry) {
	if t.get(e.hash, e.name) != nil {
		return
	}
	t.reserve(len(t.entries) + 1)
	t.entries = append(t.entries, e)
	t.enter(len(t.entries) - 1)
}

// reserve makes room for so many symbols, a quarter of the heads at most.
func (t *symbolTable) reserve(n int) {
	size := max(len(t.heads), 8)
	for size < 4*n {
		size *= 2
	}
	if size == len(t.heads) {
		return
	}
	t.heads = make([]uint32, size)
	for i := range t.entries {
		t.enter(i)
	}
}

// enter makes the heads lead to an entry.
func (t *symbolTable) enter(i int) {
	at := t.entries[i].hash
	for t.heads[at&uint64(len(t.heads)-1)] != 0 {
		at++
	}
	t.heads[at&uint64(len(t.heads)-1)] = uint32(i + 1)
}
