package image

import "sync/atomic"

// Closing is one goroutine's work of unloading what is not used any more. When there are
// destructors to run it takes three steps:
//
//  1. A link operation takes the modules out of the snapshot: nothing finds them any more, and who
//     opens such a library again gets another copy of it. The modules themselves stay as they are.
//  2. Outside of any operation, with no lock held, the destructors run. They may call the linker as
//     any code of the guest may.
//  3. A link operation takes the modules out of the groups. Modules that are unused by now
//     and have destructors begin again with the first step.
//
// While the work is under way, the modules are left alone by others that unload something. If it
// ends early (its context, or its group), the next one that unloads something completes it.
type Closing struct{ Ended atomic.Bool }

// heldBesides reports whether a work other than this one, which is nil for none, keeps the module.
func (c *Closing) heldBesides(other *Closing) bool {
	return c != nil && c != other && !c.Ended.Load()
}
