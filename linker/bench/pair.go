package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// side is one of two things that are compared: it does something n times.
type side struct {
	name string
	do   func(n int) error
	took func(n int) (float64, error) // instead of do: what each time took
}

// pair is what was measured of two sides, in nanoseconds for each time.
type pair struct {
	peer, own         string
	peerNS, ownNS     []float64
	peerRuns, ownRuns int
	stated            bool // it is not judged
}

// meter measures the pairs of a row.
type meter struct {
	ctx    context.Context
	rounds int
	pairs  []pair
}

// slice is how long one side is measured at a time, roughly.
const slice = 2 * time.Millisecond

// compare measures two sides in turn. The garbage collector is off meanwhile, and runs between
// rounds.
func (m *meter) compare(peer, own side) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	p := pair{peer: peer.name, own: own.name}
	var err error
	if p.peerRuns, err = calibrate(peer); err != nil {
		return err
	}
	if p.ownRuns, err = calibrate(own); err != nil {
		return err
	}
	for range m.rounds {
		if err := m.ctx.Err(); err != nil {
			return err
		}
		a, err := measure(peer, p.peerRuns)
		if err != nil {
			return err
		}
		b, err := measure(own, p.ownRuns)
		if err != nil {
			return err
		}
		p.peerNS, p.ownNS = append(p.peerNS, a), append(p.ownNS, b)
		runtime.GC()
	}
	m.pairs = append(m.pairs, p)
	return nil
}

// calibrate finds how often a side is to be done for one sample.
func calibrate(s side) (int, error) {
	for n := 1; ; n *= 2 {
		ns, err := measure(s, n)
		if err != nil || ns*float64(n) > float64(slice) {
			return n, err
		}
	}
}

func measure(s side, n int) (float64, error) {
	if s.took != nil {
		ns, err := s.took(n)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", s.name, err)
		}
		return ns, nil
	}
	start := now()
	if err := s.do(n); err != nil {
		return 0, fmt.Errorf("%s: %w", s.name, err)
	}
	return float64(now()-start) / float64(n), nil
}

// ratio is the median of the rounds' ratios.
func (p pair) ratio() float64 {
	ratios := make([]float64, len(p.ownNS))
	for i := range ratios {
		ratios[i] = p.ownNS[i] / p.peerNS[i]
	}
	return median(ratios)
}

func median(x []float64) float64 {
	x = slices.Clone(x)
	slices.Sort(x)
	return x[len(x)/2]
}

// write writes the samples as go test -bench prints them.
func (p pair) write(w io.Writer, row string) error {
	name := benchName(row)
	for _, s := range []struct {
		of   string
		runs int
		ns   []float64
	}{{p.peer, p.peerRuns, p.peerNS}, {p.own, p.ownRuns, p.ownNS}} {
		for _, ns := range s.ns {
			of := benchName(s.of)
			if _, err := fmt.Fprintf(w, "Benchmark%s/%s %d %.1f ns/op\n", name, of, s.runs,
				ns); err != nil {
				return err
			}
		}
	}
	return nil
}

// benchName makes a name that benchstat takes from the name of a row.
func benchName(row string) string {
	return strings.NewReplacer(" ", "_", ",", "", "/", "_").Replace(row)
}

// repeat takes samples of f in processor time, after a collection each.
func (m *meter) repeat(times int, f func() (float64, error)) ([]float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var samples []float64
	for range times {
		if err := m.ctx.Err(); err != nil {
			return nil, err
		}
		runtime.GC()
		x, err := f()
		if err != nil {
			return nil, err
		}
		samples = append(samples, x)
	}
	return samples, nil
}
