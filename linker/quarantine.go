package linker

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/internal/codecache"
	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// tableSlots hands out the entries of the function table. Those that are given back rest in
// quarantine: a function that comes back gets the entry that it had, and another one gets it only
// when enough has been given back since. The rules are those of [Config.WithPointerQuarantine]; see
// "Why are freed table entries kept in quarantine?" in spec/rationale.md.
type tableSlots struct {
	slots
	keep    uint32 // entries that the quarantine keeps
	resting uint64 // entries in it
	// retired is what was given back, by numbers that grow from first to next; what was taken out
	// of it meanwhile is missing. homes has the numbers by owner.
	retired     persist.Map[uint64, retired]
	first, next uint64
	homes       persist.Map[spans.Owner, uint64]
}

// owner returns that of something in a module that was compiled.
func (m *module) owner(what string) spans.Owner {
	return spans.Owner{What: what, File: m.file, Found: m.stat != nil,
		Code: codecache.Sum(m.compiled)}
}

// segmentOwner returns that of a module's own entries. They may hold functions of other modules,
// and what these are is decided anew at each load.
func (m *module) segmentOwner(bindings []binding) spans.Owner {
	imported := m.importedFunctions(bindings)
	sums := make([][sha256.Size]byte, len(imported))
	for i, x := range imported {
		if x != nil && x.fn != nil {
			o := x.fn.owner()
			sums[i] = sha256.Sum256(fmt.Appendf(nil, "%q %q %v %x", o.What, o.File, o.Found,
				o.Code))
		}
	}
	what := sha256.New()
	var entry [16 + sha256.Size]byte
	for i := range m.src.Elements {
		seg := &m.src.Elements[i]
		for k := range seg.Len() {
			index, ok := seg.Func(k)
			if !ok || int(index) >= len(imported) {
				continue
			}
			binary.LittleEndian.PutUint64(entry[:], uint64(i))
			binary.LittleEndian.PutUint64(entry[8:], uint64(k))
			copy(entry[16:], sums[index][:])
			what.Write(entry[:])
		}
	}
	return m.owner("segment " + string(what.Sum(nil)))
}

// owner returns that of the entry that is made for a function.
func (fn *function) owner() spans.Owner { return fn.mod.owner(fn.what()) }

// what tells a function from the others of its module.
func (fn *function) what() string {
	if fn.stub {
		return "stub " + fn.name
	}
	return "function " + fn.name
}

// retired is a range of entries that was given back.
type retired struct {
	*spans.Owner // shared by the copies that operations make
	spans.Span
}

// take returns the first of n entries in a row, for their owner; align is a power of two.
func (s *tableSlots) take(n, align uint32, who spans.Owner) (uint32, error) {
	if base, ok := s.recall(n, align, who); ok {
		return base, nil
	}
	base, ok := s.free.Take(n, align)
	for !ok && s.release(s.keep) {
		base, ok = s.free.Take(n, align)
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
func (s *tableSlots) recall(n, align uint32, who spans.Owner) (base uint32, ok bool) {
	if who == (spans.Owner{}) {
		return 0, false
	}
	number, ok := s.homes.Get(who)
	r := s.retired.At(number)
	if !ok || r.Size != n || r.Base%align != 0 {
		return 0, false
	}
	s.takeOut(number, r)
	return r.Base, true
}

// takeOut takes a range out of quarantine.
func (s *tableSlots) takeOut(number uint64, r retired) {
	s.resting -= uint64(r.Size)
	s.retired = s.retired.Without(number)
	if home, ok := s.homes.Get(*r.Owner); ok && home == number {
		s.homes = s.homes.Without(*r.Owner)
	}
}

// remembered returns the functions of a module, and its stubs, whose entries are in quarantine
// since it was unloaded.
func (s *tableSlots) remembered(m *module) []*function {
	if s.homes.Len() == 0 {
		return nil
	}
	var found []*function
	for _, fn := range m.functions {
		if fn.mod != m {
			continue
		}
		if _, ok := s.homes.Get(fn.owner()); ok {
			found = append(found, fn)
		}
	}
	return found
}

// oldest returns what is longest in quarantine, which is not empty.
func (s *tableSlots) oldest() (number uint64, r retired) {
	for {
		r, ok := s.retired.Get(s.first)
		if ok {
			return s.first, r
		}
		s.first++
	}
}

// release lets out of quarantine what is longest in it, if at least keep entries stay there that
// were given back later, and reports whether it did.
func (s *tableSlots) release(keep uint32) bool {
	if s.retired.Len() == 0 {
		return false
	}
	number, r := s.oldest()
	if s.resting-uint64(r.Size) < uint64(keep) {
		return false
	}
	s.takeOut(number, r)
	s.free.Give(r.Span)
	return true
}

// retire puts entries that were given back into quarantine.
func (s *tableSlots) retire(r spans.Span, who spans.Owner) {
	if r.Size == 0 {
		return
	}
	s.retired = s.retired.With(s.next, retired{&who, r})
	if who != (spans.Owner{}) {
		s.homes = s.homes.With(who, s.next)
	}
	s.next++
	s.resting += uint64(r.Size)
}

// clone returns a copy.
func (s *tableSlots) clone() tableSlots {
	c := *s
	c.free = s.free.Clone()
	return c
}
