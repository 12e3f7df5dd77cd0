package linker

import "github.com/tetratelabs/wazero/api"

func (f *pollFlag) open(global api.Global) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.global, _ = global.(api.MutableGlobal)
	f.set(f.reasons > 0)
}

// raise makes the group have one look. What there is to see must be there already.
func (f *pollFlag) raise() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set(true)
}

// hold keeps the flag up.
func (f *pollFlag) hold() { f.add(1) }

// release takes a hold back, perhaps before it has come.
func (f *pollFlag) release() { f.add(-1) }

func (f *pollFlag) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.reasons += n; n > 0 {
		f.set(true)
	}
}

// lower takes the flag down, unless it is held.
func (f *pollFlag) lower() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.set(f.reasons > 0)
}

// set is called with the mutex held.
func (f *pollFlag) set(up bool) {
	if f.global == nil {
		return
	}
	rounds := uint64(pollRounds)
	if up {
		rounds = 0
	}
	f.global.Set(rounds)
}

// pollRounds is how many rounds of loops, calls, and KiB that are moved at once, a group computes
// at most before it comes to a safepoint, asked or not. Go cannot stop what the engine has
// compiled, so a guest that never comes would stop everybody else when Go collects its garbage,
// those included who want to ask.
const pollRounds = 1 << 14
