package linker

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
)

// closures are the entries of the function table that guests fill themselves. They stay closures
// for ever: what is freed goes through a quarantine of their own, in the order in which it was
// freed, and is then allocated again. A part of the state: the state lock guards it.
type closures struct {
	keep    uint32   // entries that stay in quarantine; see Config.WithPointerQuarantine
	free    []uint32 // to be handed out; as many as the coordinator counts
	resting []uint32 // in quarantine, the longest first; the coordinator counts them as taken still
	live    persist.Map[uint32, bool]
	// Constructors take entries of their own: see tx.closure. The coordinator does not count them.
	own   persist.Map[uint32, bool]
	spare []uint32 // of those, the ones that were given back, the longest ago first
}

// clone returns a copy, to be put back, or not, before an older one is. The lists are queues: what
// is appended to one lies behind what the copy sees, and what is taken from it stays where it was,
// so that the copy needs no lists of its own.
func (c *closures) clone() closures { return *c }

// takeFree takes an entry that was never used or is past the quarantine, 0 for none.
func (c *closures) takeFree() uint32 { return c.take(&c.free, 0) }

// takeSpare takes an entry that a constructor took and somebody gave back, 0 for none.
func (c *closures) takeSpare() uint32 { return c.take(&c.spare, c.keep) }

// takeEarly takes the entry that is longest in quarantine, 0 for none, because the table cannot
// grow.
func (c *closures) takeEarly() uint32 {
	if c.keep == QuarantineForever {
		return 0
	}
	if slot := c.take(&c.spare, 0); slot != 0 {
		return slot
	}
	return c.take(&c.resting, 0)
}

// take takes the first entry of a list if more than keep are in it, 0 for none.
func (c *closures) take(list *[]uint32, keep uint32) uint32 {
	if uint64(len(*list)) <= uint64(keep) {
		return 0
	}
	slot := (*list)[0]
	*list = (*list)[1:]
	c.live = c.live.With(slot, true)
	return slot
}

// give takes an entry back, which is live. It reports whether it was one of the coordinator's.
func (c *closures) give(slot uint32) (counted bool) {
	c.live = c.live.Without(slot)
	if c.own.At(slot) {
		c.spare = append(c.spare, slot)
		return false
	}
	c.resting = append(c.resting, slot)
	return true
}

// restAgain moves entries that were taken within an operation, and are free again because it has
// failed, behind all that were given back: the constructor that took one may have kept it. A list
// may share its memory with older copies, so it is replaced.
func (c *closures) restAgain(taken []uint32) {
	for _, list := range []*[]uint32{&c.spare, &c.resting} {
		for _, slot := range taken {
			if i := slices.Index(*list, slot); i >= 0 {
				*list = append(slices.Concat((*list)[:i], (*list)[i+1:]), slot)
			}
		}
	}
}

// rested moves the entry that is longest in quarantine to the free ones, if more than keep are in
// it, and reports whether it did.
func (c *closures) rested() bool {
	if uint64(len(c.resting)) <= uint64(c.keep) {
		return false
	}
	c.free, c.resting = append(c.free, c.resting[0]), c.resting[1:]
	return true
}
