package lincheck

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/lockstep-wasm/lockstep/model"
)

// Recorder collects the operations of concurrent clients. A lock is taken when a client joins,
// never while it records: each client appends to a buffer of its own.
type Recorder struct {
	universe model.Universe
	seed     uint64
	stamps   Stamps
	start    time.Time
	clock    atomic.Int64 // used by ordered stamps
	nextID   atomic.Int64

	mu      sync.Mutex
	clients []*Client
}

// NewRecorder starts a recording. The seed is noted in the history.
func NewRecorder(u model.Universe, seed uint64, stamps Stamps) *Recorder {
	return &Recorder{universe: u, seed: seed, stamps: stamps, start: time.Now()}
}

// Client adds a client. It may be called at any time from any goroutine; the Client belongs to one
// goroutine at a time.
func (r *Recorder) Client() *Client {
	c := &Client{rec: r, id: int(r.nextID.Add(1) - 1)}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clients = append(r.clients, c)
	return c
}

// History is what has been recorded. Operations that have begun and not ended have an unknown
// outcome. It must not be called before every goroutine that records has finished (and that has
// been waited for); the recording may go on afterwards.
func (r *Recorder) History() *History {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := &History{Universe: r.universe, Seed: r.seed, Stamps: r.stamps}
	for _, c := range r.clients {
		h.Operations = append(h.Operations, c.ops...)
	}
	return h
}

// Client records the operations of one goroutine, one after the other.
type Client struct {
	rec  *Recorder
	id   int
	busy bool
	last int64 // the newest stamp
	ops  []Operation
}

// ID is the number under which the next operation will stand. It changes after an operation of
// unknown outcome, since that operation goes on for ever, and no client has two operations at a
// time.
func (c *Client) ID() int { return c.id }

// Begin notes that an operation is about to be called. An operation that has not ended counts as
// Lost. The slices of in must not be changed afterwards.
func (c *Client) Begin(in model.Input) {
	if c.busy {
		c.Lost()
	}
	c.busy = true
	// The buffer may grow here, so the stamp comes last: nothing but the call follows it.
	c.ops = append(c.ops,
		Operation{Client: c.id, Return: Never, Input: in, Output: model.Output{Unknown: true}})
	c.ops[len(c.ops)-1].Call = c.stamp()
}

// End notes that the operation has returned and what came of it; if out.Unknown is set it is the
// same as Lost. Without a Begin it does nothing.
func (c *Client) End(out model.Output) {
	now := c.stamp()
	switch {
	case !c.busy:
		return
	case out.Unknown:
		c.Lost()
		return
	}
	c.busy = false
	op := &c.ops[len(c.ops)-1]
	op.Return, op.Output = now, out
}

// Lost notes that the effect of the operation is unknown: it was cancelled or crashed half-way. The
// client goes on under a new number.
func (c *Client) Lost() {
	if c.busy {
		c.busy = false
		c.id = int(c.rec.nextID.Add(1) - 1)
	}
}

// stamp returns a stamp above the client's last one. A coarse clock is asked until it moves: to add
// one instead would claim an order between clients that was not observed.
func (c *Client) stamp() int64 {
	if c.rec.stamps == Ordered {
		return c.rec.clock.Add(1)
	}
	for {
		if now := int64(time.Since(c.rec.start)); now > c.last {
			c.last = now
			return now
		}
	}
}
