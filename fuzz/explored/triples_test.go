package explored_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

// The environment of TestTriples: see make explore.
const (
	duration = "EXPLORED_DURATION"
	seed     = "EXPLORED_SEED"
)

// perSecond is more scenarios than can be explored in a second.
const perSecond = 20

// Three operations at the same time, and sometimes one before, at random, for as long as one asks.
// It is skipped unless that is said.
func TestTriples(t *testing.T) {
	text := os.Getenv(duration)
	if text == "" {
		t.Skip("make explore runs it")
	}
	long, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.ParseUint(os.Getenv(seed), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	c := linked(t, 40)
	c.Options.Duration, c.Options.Search = long, explore.Random(number)
	rng := rand.New(rand.NewPCG(number, 3))
	call := func() string {
		return fmt.Sprintf("%s(%d)", c.Table[rng.IntN(len(c.Table))].Name,
			rng.IntN(2))
	}
	for range int(long.Seconds()+1) * perSecond {
		before := ""
		if rng.IntN(3) == 0 {
			before = call()
		}
		c.Custom = append(c.Custom, fmt.Sprintf("%s/%s|%s|%s/", before, call(), call(), call()))
	}
	explore.Linearizable(t, c)
}
