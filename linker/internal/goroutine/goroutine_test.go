package goroutine

import (
	"runtime"
	"sync"
	"testing"
)

// ids are the two ways of telling goroutines apart.
var ids = map[string]func() uintptr{"id": id, "portable": portableID}

// Goroutines that live at the same time have different numbers, and each keeps its own, wherever it
// runs.
func TestID(t *testing.T) {
	const n = 100
	for name, id := range ids {
		t.Run(name, func(t *testing.T) {
			var seen sync.Map
			var all, done sync.WaitGroup
			all.Add(n)
			for range n {
				done.Go(func() {
					mine := id()
					if _, twice := seen.LoadOrStore(mine, true); twice || mine == 0 {
						t.Errorf("number %d is another goroutine's, or 0", mine)
					}
					all.Done()
					all.Wait() // all of them live
					grow(100)
					runtime.Gosched()
					if again := id(); again != mine {
						t.Errorf("number %d has become %d", mine, again)
					}
				})
			}
			done.Wait()
		})
	}
}

// grow makes the goroutine's stack move.
func grow(n int) int {
	var room [1024]byte
	if n > 0 {
		room[n%len(room)] = byte(grow(n - 1))
	}
	return int(room[n%len(room)])
}

func BenchmarkID(b *testing.B) {
	for b.Loop() {
		_ = ID()
	}
}
