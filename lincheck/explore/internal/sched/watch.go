package sched

import (
	"fmt"
	"sync/atomic"
	"time"
)

// progress counts the steps of all runs, for the watchdog, which has nothing else to see them by.
var progress atomic.Int64

// patience is how long a task may be between two operations: as long as the code under test may be
// busy without touching anything shared.
const patience = 5 * time.Minute

// watch ends the program when a task blocks in something that is not instrumented: nothing can be
// done about that, and the panic has the stacks of all goroutines. The function that it returns
// ends the watch.
func watch() (stop func()) {
	over := make(chan struct{})
	go func() {
		last, idle := progress.Load(), 0
		tick := time.NewTicker(patience / 10)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			if now := progress.Load(); now != last {
				last, idle = now, 0
			} else if idle++; idle > 10 {
				name := "a goroutine"
				if s := active.Load(); s != nil && s.cur.Load() != nil {
					name = s.cur.Load().Name
				}
				panic(fmt.Sprintf(
					"explore: %s has made no step for %v: it waits for something that is "+
						"not instrumented", name, patience))
			}
		}
	}()
	return func() { close(over) }
}
