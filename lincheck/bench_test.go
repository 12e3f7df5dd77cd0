package lincheck

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkCheck judges histories of several lengths and numbers of clients: by commit order, by
// search with commit numbers, and by search without, where the clients meet every 32 operations.
func BenchmarkCheck(b *testing.B) {
	for _, size := range []struct{ operations, clients int }{{1_000, 2}, {1_000, 8}, {10_000, 2},
		{10_000, 8}, {100_000, 8}} {
		checks := []struct {
			name     string
			numbered bool
			check    func(*History, Limits) Result
		}{
			{"order", true, CheckOrder},
			{"numbered", true, Check},
			{"unnumbered", false, Check},
		}
		for _, check := range checks {
			if !check.numbered && size.operations*size.clients > 100_000 {
				continue // the loads' unknown order makes branches
			}
			u := toyUniverse()
			u.Rules.Unnumbered = !check.numbered
			rng := rand.New(rand.NewPCG(12, 13))
			sim := simulation{clients: size.clients, operations: size.operations,
				numbered: check.numbered, meet: 32}
			h := simulate(u, sim, rng.IntN)
			b.Run(fmt.Sprintf("%s/%dx%d", check.name, size.operations, size.clients),
				func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						if r := check.check(h, Limits{}); r.Verdict != OK {
							b.Fatal(r)
						}
					}
					b.ReportMetric(float64(size.operations)*float64(b.N)/b.Elapsed().Seconds(),
						"ops/s")
				})
		}
	}
}
