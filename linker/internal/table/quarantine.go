package table

import (
	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// Quarantine hands out the entries of the function table. Those that are given back rest in
// quarantine: a function that comes back gets the entry that it had, and another one gets it only
// when enough has been given back since. The rules are those of Config.WithPointerQuarantine; see
// "Why are freed table entries kept in quarantine?" in spec/rationale.md.
//
// Invariants: an entry below Length is free, in quarantine, or handed out, and only one of these;
// Quarantined is the sum of the ranges in retired; homes leads to ranges in retired. An entry is
// handed out, retired, and then reclaimed by its owner, or free again at the earliest when Keep
// entries were given back after it. Rejected was to free entries at once: a stale pointer would
// call the function of another library.
type Quarantine struct {
	Slots
	Keep        uint32 // entries that the quarantine keeps
	Quarantined uint64 // entries in it
	// retired is what was given back, by numbers that grow from first to next; what was taken out
	// of it meanwhile is missing. homes has the numbers by owner.
	retired     persist.Map[uint64, Owned]
	first, next uint64
	homes       persist.Map[spans.Owner, uint64]
}

// Owned is a range of entries that has an owner, while it is handed out or in quarantine.
type Owned struct {
	*spans.Owner // shared by the copies that operations make
	spans.Span
}

// Take returns the first of n entries in a row, for their owner; align is a power of two.
func (s *Quarantine) Take(n, align uint32, who spans.Owner) (uint32, error) {
	if base, ok := s.reclaim(n, align, who); ok {
		return base, nil
	}
	base, ok := s.Free.Take(n, align)
	for !ok && s.release(s.Keep) {
		base, ok = s.Free.Take(n, align)
	}
	if ok {
		return base, nil
	}
	base, err := s.Slots.Take(n, align)
	for err != nil && s.Keep != forever && s.release(0) {
		base, err = s.Slots.Take(n, align)
	}
	return base, err
}

// reclaim takes what the owner had out of quarantine.
func (s *Quarantine) reclaim(n, align uint32, who spans.Owner) (base uint32, ok bool) {
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

func (s *Quarantine) takeOut(number uint64, r Owned) {
	s.Quarantined -= uint64(r.Size)
	s.retired = s.retired.Without(number)
	if home, ok := s.homes.Get(*r.Owner); ok && home == number {
		s.homes = s.homes.Without(*r.Owner)
	}
}

// Remembers reports whether an owner can have back what it gave.
func (s *Quarantine) Remembers(who spans.Owner) bool {
	_, ok := s.homes.Get(who)
	return ok
}

// RemembersNone reports whether there is no such owner.
func (s *Quarantine) RemembersNone() bool { return s.homes.Len() == 0 }

// oldest returns the range that is longest in quarantine, which must not be empty.
func (s *Quarantine) oldest() (number uint64, r Owned) {
	for {
		r, ok := s.retired.Get(s.first)
		if ok {
			return s.first, r
		}
		s.first++
	}
}

// release lets the range out of quarantine that is longest in it, if at least keep entries that
// were given back later stay there. It reports whether it did.
func (s *Quarantine) release(keep uint32) bool {
	if s.retired.Len() == 0 {
		return false
	}
	number, r := s.oldest()
	if s.Quarantined-uint64(r.Size) < uint64(keep) {
		return false
	}
	s.takeOut(number, r)
	s.Free.Give(r.Span)
	return true
}

// Retire puts entries that were given back into quarantine.
func (s *Quarantine) Retire(r spans.Span, who spans.Owner) {
	if r.Size == 0 {
		return
	}
	s.retired = s.retired.With(s.next, Owned{&who, r})
	if who != (spans.Owner{}) {
		s.homes = s.homes.With(who, s.next)
	}
	s.next++
	s.Quarantined += uint64(r.Size)
}

// Clone returns a copy.
func (s *Quarantine) Clone() Quarantine {
	c := *s
	c.Free = s.Free.Clone()
	return c
}
