package linker

import "slices"

func (w *waits) set(address uint32, queue []*waiter) {
	if len(queue) == 0 {
		delete(w.queues, address)
		return
	}
	w.queues[address] = queue
}

// interrupt ends the waits of a group, or of all groups if that is nil.
func (w *waits) interrupt(g *Group, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for address, queue := range w.queues {
		w.set(address, slices.DeleteFunc(slices.Clone(queue), func(x *waiter) bool {
			if g != nil && x.group != g {
				return false
			}
			x.err = err
			close(x.done)
			return true
		}))
	}
}

// remove takes a waiter out, and reports whether it was still waiting.
func (w *waits) remove(address uint32, x *waiter) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	queue := w.queues[address]
	i := slices.Index(queue, x)
	if i < 0 {
		return false
	}
	w.set(address, slices.Delete(slices.Clone(queue), i, i+1))
	return true
}
