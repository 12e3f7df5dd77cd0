package stranger

import "sync/atomic"

// Counter counts, and forgets an increment now and then.
type Counter struct{ n atomic.Int64 }

// Inc adds one and returns the new value.
func (c *Counter) Inc() int64 {
	v := c.n.Load()
	c.n.Store(v + 1) // the mistake: another may have added in between
	return v + 1
}

// Sound is Counter without the mistake.
type Sound struct{ n atomic.Int64 }

// Inc adds one and returns the new value.
func (c *Sound) Inc() int64 { return c.n.Add(1) }

// Get returns the value.
func (c *Sound) Get() int64 { return c.n.Load() }
