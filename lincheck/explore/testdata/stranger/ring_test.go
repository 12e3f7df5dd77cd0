package stranger

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

func TestRing(t *testing.T) {
	explore.Linearizable(t, explore.Type[*Ring]{
		New: func() *Ring { return NewRing(2) },
	})
}

// Without looking for races, the consequence is found.
func TestRingValues(t *testing.T) {
	explore.Linearizable(t, explore.Type[*Ring]{
		New:     func() *Ring { return NewRing(2) },
		Options: explore.Options{NoRaces: true},
	})
}
