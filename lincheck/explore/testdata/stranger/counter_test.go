package stranger

import (
	"sync"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

func TestCounter(t *testing.T) {
	explore.Linearizable(t, explore.Type[*Counter]{New: func() *Counter { return new(Counter) }})
}

func TestSound(t *testing.T) {
	explore.Linearizable(t, explore.Type[*Sound]{
		New:     func() *Sound { return new(Sound) },
		Options: explore.Options{Duration: time.Hour}, // the schedules are few
	})
}

// Two goroutines take two locks in different orders.
func TestLockOrder(t *testing.T) {
	explore.Check(t, func(*explore.Run) {
		var a, b sync.Mutex
		var wg sync.WaitGroup
		wg.Go(func() {
			a.Lock()
			defer a.Unlock()
			b.Lock()
			defer b.Unlock()
		})
		wg.Go(func() {
			b.Lock()
			defer b.Unlock()
			a.Lock()
			defer a.Unlock()
		})
		wg.Wait()
	})
}
