package linker

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

// tableSlots hands out the entries of the function table. Those that are given back rest in quarantine: a function
// that comes back gets the entry that it had, and another one gets it only when enough has been given back since. The
// rules are those of [Config.WithPointerQuarantine]; see "Why do freed table entries rest, and for whom?" in
// spec/rationale.md.
type tableSlots struct {
	slots
	keep    uint32    // entries that the quarantine keeps
	retired []retired // what was given back, the longest ago first
	resting uint64    // entries in it
}

// owner says whose a piece of the table is, in a way that outlives a module: the same library, loaded again, has the
// same owners. The zero value is nobody.
type owner struct {
	what  string // which of its functions
	file  string // where it was found, or its name if it was given as bytes
	found bool
	code  [sha256.Size]byte // its bytes
}

// owner returns that of something in a module that was compiled.
func (m *module) owner(what string) owner {
	return owner{what: what, file: m.file, found: m.stat != nil, code: codeSum(m.compiled)}
}

// segmentOwner returns that of a module's own entries. They may hold functions of other modules, and what these are is
// decided anew at each load.
func (m *module) segmentOwner(bindings []binding) owner {
	imported, imports := m.src.Imported(wasm.KindFunc), []*wasm.Import{}
	for i := range m.src.Imports {
		if m.src.Imports[i].Kind == wasm.KindFunc {
			imports = append(imports, &m.src.Imports[i])
		}
	}
	what := sha256.New()
	for i := range m.src.Elements {
		seg := &m.src.Elements[i]
		for k := range seg.Len() {
			index, ok := seg.Func(k)
			if !ok || int(index) >= imported {
				continue
			}
			fmt.Fprintf(what, "%d %d ", i, k)
			if b := slices.IndexFunc(bindings, func(x binding) bool { return x.imp == imports[index] }); b >= 0 && bindings[b].fn != nil {
				o := bindings[b].fn.owner()
				fmt.Fprintf(what, "%q %q %v %x ", o.what, o.file, o.found, o.code)
			}
		}
	}
	return m.owner("segment " + string(what.Sum(nil)))
}

// owner returns that of the entry that is made for a function.
func (fn *function) owner() owner { return fn.mod.owner(fn.what()) }

// what tells a function from the others of its module.
func (fn *function) what() string {
	if fn.stub {
		return "stub " + fn.name
	}
	return "function " + fn.name
}

// retired is a range of entries that was given back.
type retired struct {
	*owner // shared by the copies that operations make
	span
}

// take returns the first of n entries in a row, for their owner; align is a power of two.
func (s *tableSlots) take(n, align uint32, who owner) (uint32, error) {
	if base, ok := s.recall(n, align, who); ok {
		return base, nil
	}
	base, ok := s.free.take(n, align)
	for !ok && s.release(s.keep) {
		base, ok = s.free.take(n, align)
	}
	if ok {
		return base, nil
	}
	base, err := s.slots.take(n, align)
	for err != nil && s.keep != QuarantineForever && s.release(0) {
		base, err = s.slots.take(n, align)
	}
	return base, err
}

// recall takes what the owner had out of quarantine.
func (s *tableSlots) recall(n, align uint32, who owner) (base uint32, ok bool) {
	if who == (owner{}) {
		return 0, false
	}
	i := slices.IndexFunc(s.retired, func(r retired) bool { return r.size == n && *r.owner == who && r.base%align == 0 })
	if i < 0 {
		return 0, false
	}
	base = s.retired[i].base
	s.resting -= uint64(n)
	s.retired = slices.Delete(s.retired, i, i+1)
	return base, true
}

// remembered returns the functions of a module, and its stubs, whose entries are in quarantine since it was unloaded.
func (s *tableSlots) remembered(m *module) []*function {
	var found []*function
	id := m.owner("")
	for _, r := range s.retired {
		if r.code != id.code || r.found != id.found || r.file != id.file {
			continue
		}
		i := slices.IndexFunc(m.functions, func(fn *function) bool { return fn.mod == m && fn.what() == r.what })
		if i >= 0 {
			found = append(found, m.functions[i])
		}
	}
	return found
}

// release lets out of quarantine what is longest in it, if at least keep entries stay there that were given back later, and
// reports whether it did.
func (s *tableSlots) release(keep uint32) bool {
	if len(s.retired) == 0 || s.resting-uint64(s.retired[0].size) < uint64(keep) {
		return false
	}
	oldest := s.retired[0]
	s.retired = slices.Delete(s.retired, 0, 1)
	s.resting -= uint64(oldest.size)
	s.free.give(oldest.span)
	return true
}

// retire puts entries that were given back into quarantine.
func (s *tableSlots) retire(r span, who owner) {
	if r.size > 0 {
		s.retired = append(s.retired, retired{&who, r})
		s.resting += uint64(r.size)
	}
}

// clone returns a copy.
func (s *tableSlots) clone() tableSlots {
	c := *s
	c.free, c.retired = s.free.clone(), slices.Clone(s.retired)
	return c
}
