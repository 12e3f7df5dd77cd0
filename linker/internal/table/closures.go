package table

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
	"github.com/lockstep-wasm/lockstep/linker/internal/spans"
)

// Closures are the entries of the function table that guests fill themselves. They stay closures
// for ever: what is freed goes through a quarantine of their own, in the order in which it was
// freed, and is then allocated again.
//
// Invariants: an entry is in one of Live, Free, Quarantined and the list of spare ones; what is not
// Own is counted by the coordinator, as free if it is in Free and as taken otherwise.
type Closures struct {
	Keep uint32   // entries that stay in quarantine; see Config.WithPointerQuarantine
	Free []uint32 // to be handed out; as many as the coordinator counts
	// in quarantine, the longest first; the coordinator counts them as taken still
	Quarantined []uint32
	Live        persist.Map[uint32, bool]
	// Constructors take entries of their own. The coordinator does not count them.
	Own   persist.Map[uint32, bool]
	spare []uint32 // of those, the ones that were given back, the longest ago first
}

// Add adds entries that may be handed out.
func (c *Closures) Add(r spans.Span) {
	for i := range r.Size {
		c.Free = append(c.Free, r.Base+i)
	}
}

// Adopt makes an entry live that a constructor took for itself.
func (c *Closures) Adopt(slot uint32) {
	c.Live = c.Live.With(slot, true)
	c.Own = c.Own.With(slot, true)
}

// Clone returns a copy, to be put back, or not, before an older one is. The lists are queues: what
// is appended to one lies behind what the copy sees, and what is taken from it stays where it was,
// so that the copy needs no lists of its own.
func (c *Closures) Clone() Closures { return *c }

// TakeFree takes an entry that was never used or is past the quarantine, 0 for none.
func (c *Closures) TakeFree() uint32 { return c.take(&c.Free, 0) }

// TakeSpare takes an entry that a constructor took and that was given back, 0 for none.
func (c *Closures) TakeSpare() uint32 { return c.take(&c.spare, c.Keep) }

// TakeEarly takes the entry that is longest in quarantine, 0 for none, because the table cannot
// grow.
func (c *Closures) TakeEarly() uint32 {
	if c.Keep == forever {
		return 0
	}
	if slot := c.take(&c.spare, 0); slot != 0 {
		return slot
	}
	return c.take(&c.Quarantined, 0)
}

// take takes the first entry of a list if more than keep are in it, 0 for none.
func (c *Closures) take(list *[]uint32, keep uint32) uint32 {
	if uint64(len(*list)) <= uint64(keep) {
		return 0
	}
	slot := (*list)[0]
	*list = (*list)[1:]
	c.Live = c.Live.With(slot, true)
	return slot
}

// Give takes an entry back, which is live. It reports whether it was one of the coordinator's.
func (c *Closures) Give(slot uint32) (counted bool) {
	c.Live = c.Live.Without(slot)
	if c.Own.At(slot) {
		c.spare = append(c.spare, slot)
		return false
	}
	c.Quarantined = append(c.Quarantined, slot)
	return true
}

// RetireAgain moves entries that were taken within an operation, and are free again because it has
// failed, behind all that were given back: the constructor that took one may have kept it. A list
// may share its memory with older copies, so it is replaced.
func (c *Closures) RetireAgain(taken []uint32) {
	for _, list := range []*[]uint32{&c.spare, &c.Quarantined} {
		for _, slot := range taken {
			if i := slices.Index(*list, slot); i >= 0 {
				*list = append(slices.Concat((*list)[:i], (*list)[i+1:]), slot)
			}
		}
	}
}

// Release moves the entry that is longest in quarantine to the free ones, if more than keep are in
// it, and reports whether it did.
func (c *Closures) Release() bool {
	if uint64(len(c.Quarantined)) <= uint64(c.Keep) {
		return false
	}
	c.Free, c.Quarantined = append(c.Free, c.Quarantined[0]), c.Quarantined[1:]
	return true
}
