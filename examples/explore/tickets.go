// Package tickets is an example of testing a concurrent type of one's own with the explorer, and
// with nothing else of this module. Its test runs every schedule of some calls of [Tickets]:
//
//	go test -v -run TestTickets ./examples/explore
//
// [Oversold] has a mistake that tests with real goroutines find once in thousands of runs, if ever.
// The explorer shows the schedule in which it matters, and writes a page with it:
//
//	MISTAKE=1 EXPLORE_HTML=oversold.html go test -run TestOversold ./examples/explore
//
// The package promises nothing to other modules.
package tickets

import "sync"

// Tickets are the tickets of a show. It is safe for concurrent use. The zero value is a show that
// is sold out.
type Tickets struct {
	mu   sync.Mutex
	left int // guarded by mu
}

// New returns n tickets.
func New(n int) *Tickets { return &Tickets{left: n} }

// Left is how many are left.
func (t *Tickets) Left() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.left
}

// Sell sells a ticket; false if there is none.
func (t *Tickets) Sell() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left == 0 {
		return false
	}
	t.left--
	return true
}

// Return takes a ticket back.
func (t *Tickets) Return() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left++
}

// Oversold are tickets like [Tickets], with a mistake in Sell.
type Oversold struct{ Tickets }

// Sell looks whether there is a ticket, and then takes it. Each step is safe for concurrent use;
// the two together are not, and the race detector has nothing to say.
func (t *Oversold) Sell() bool {
	if t.Left() == 0 {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left--
	return true
}
