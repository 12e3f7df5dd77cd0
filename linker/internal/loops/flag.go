package loops

import (
	"sync"
)

// Rounds is how many rounds of loops, calls, and KiB that are moved at once, a group computes at
// most before it comes to a safepoint, asked or not. Go cannot stop what the engine has compiled,
// so a guest that never comes would stop all other goroutines when Go collects its garbage, also
// those that want to ask.
const Rounds = 1 << 14

// counter is the global that compiled code decrements.
type counter interface{ Set(value uint64) }

// Flag is the loop budget of a group: a mutable global of its base module that compiled code
// decrements in every round of a loop. At zero the guest calls the linker, which looks what there
// is to do. Other goroutines request a safepoint by storing zero. The group's own goroutine lowers
// the flag before it looks, so that no request is missed. A decrement that is under way may
// overwrite such a store; this only delays the safepoint until the budget runs out. Guests cannot
// reach the global. The zero value is the budget of a group without loop safepoints. It is safe for
// concurrent use.
type Flag struct {
	mu      sync.Mutex // guards what follows; guests count down without it
	global  counter    // nil before the group is open, and when modules have no safepoints in loops
	reasons int        // that last: contexts that have ended, a group that is being closed
}

// Open gives the budget its global, once the group has it. nil is none.
func (f *Flag) Open(global counter) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.global = global
	f.set(f.reasons > 0)
}

// Raise makes the group have one look. The caller has stored before what the group is to see.
func (f *Flag) Raise() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set(true)
}

// Hold keeps the flag up.
func (f *Flag) Hold() { f.add(1) }

// Release takes a hold back, perhaps before it has come.
func (f *Flag) Release() { f.add(-1) }

func (f *Flag) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reasons += n; n > 0 {
		f.set(true)
	}
}

// Lower takes the flag down, unless it is held.
func (f *Flag) Lower() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set(f.reasons > 0)
}

// set is called with the mutex held.
func (f *Flag) set(up bool) {
	if f.global == nil {
		return
	}
	rounds := uint64(Rounds)
	if up {
		rounds = 0
	}
	f.global.Set(rounds)
}
