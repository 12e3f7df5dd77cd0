package main

import (
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

// costFigures are times that stand for themselves.
func costFigures() []figure {
	return []figure{
		{"spawn with 100 libraries", inTime, 1.1e6, spawning(100)},
		{"spawn with 900 libraries", inTime, 9.1e6, spawning(900)},
		{"link operation, for each parked group more", inTime, 3e3, eachParked},
		{"SetClosure at 16,000 closures", inTime, 10e3, manyClosures},
		{"first pointer of a library with 10,000 exports", inTime, 1e6, firstPointer},
	}
}

// spawning measures Spawn in an image of n libraries.
func spawning(n int) func(m *meter) (measured, error) {
	return func(m *meter) (measured, error) {
		i, err := newImage(m.ctx,
			func(c *linker.Config) *linker.Config { return c.WithStackSize(1 << 14) })
		if err != nil {
			return measured{}, err
		}
		defer i.close()
		for k := range n {
			if _, err := i.open(fmt.Sprintf("lib%d", k), dylink.Info{},
				numbered(k, 3)); err != nil {
				return measured{}, err
			}
		}
		samples, err := m.repeat(min(m.rounds, 11), func() (float64, error) {
			var g *linker.Group
			d, err := timed(func() (err error) {
				g, err = i.g.Spawn(i.ctx)
				return err
			})
			if err != nil {
				return 0, err
			}
			return float64(d), g.Close(i.ctx)
		})
		return measured{samples: samples}, err
	}
}

// eachParked measures what a link operation costs more for each group that is parked.
func eachParked(m *meter) (measured, error) {
	if err := parked(m); err != nil {
		return measured{}, err
	}
	p := m.pairs[len(m.pairs)-1]
	var samples []float64
	for k := range p.ownNS {
		samples = append(samples, (p.ownNS[k]-p.peerNS[k])/(manyParked-1))
	}
	return measured{samples, fmt.Sprintf("with 1: %s, with %d: %s", duration(median(p.peerNS)),
		manyParked, duration(median(p.ownNS)))}, nil
}

func manyClosures(m *meter) (measured, error) {
	if err := closures(m); err != nil {
		return measured{}, err
	}
	return measured{samples: m.pairs[len(m.pairs)-1].ownNS}, nil
}

func firstPointer(m *meter) (measured, error) {
	samples, err := m.repeat(min(m.rounds, 7), func() (float64, error) {
		d, err := firstOfLarge(m.ctx, 10_000)
		return float64(d), err
	})
	return measured{samples: samples}, err
}
