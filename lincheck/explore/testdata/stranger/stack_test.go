package stranger

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

func TestStack(t *testing.T) {
	explore.Linearizable(t, explore.Type[*Stack]{New: func() *Stack { return new(Stack) }})
}
