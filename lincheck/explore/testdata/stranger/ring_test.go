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
