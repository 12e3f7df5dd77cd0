package main

import (
	"bytes"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

// The exponent of a power is its exponent.
func TestExponent(t *testing.T) {
	for _, want := range []float64{0, 0.5, 1, 2} {
		g := grown{sizes: []int{10, 100, 1000}}
		for _, n := range g.sizes {
			g.ns = append(g.ns, 7*math.Pow(float64(n), want))
		}
		if got := g.exponent(); math.Abs(got-want) > 1e-9 {
			t.Errorf("exponent %v, want %v", got, want)
		}
	}
}

// The ratio is that of a typical round, not that of the sums: a round that was disturbed does not
// count.
func TestRatio(t *testing.T) {
	p := pair{peerNS: []float64{10, 10, 1000}, ownNS: []float64{20, 20, 20}}
	if got := p.ratio(); got != 2 {
		t.Errorf("ratio %v, want 2", got)
	}
}

// A run prints a row for each pair and writes every sample, and what it writes is read again.
func TestRun(t *testing.T) {
	t.Chdir("../..")
	if _, err := os.Stat("go.mod"); err != nil {
		t.Fatal(err)
	}
	var out, raw bytes.Buffer
	const rounds = 2
	if err := run(t.Context(), &out, &raw, rounds, "call", false); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "call by name") {
		t.Errorf("no row for calls by name:\n%s", &out)
	}
	samples := map[string][]float64{}
	names, err := readSamples(&raw, samples)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatal("no samples")
	}
	for _, name := range names {
		if n := len(samples[name]); n < rounds {
			t.Errorf("%s: %d samples, want %d or more", name, n, rounds)
		}
	}
	table := comparison("BASE", names, [2]map[string][]float64{samples, samples})
	if got := strings.Count(table, "1.00 ×"); got != len(names) {
		t.Errorf("%d of %d names are as fast as they are:\n%s", got, len(names), table)
	}
}

// What is no sample is an error.
func TestReadSamples(t *testing.T) {
	for _, text := range []string{"x\n", "BenchmarkA 1 x ns/op\n", "BenchmarkA 1 2 B/op\n"} {
		if _, err := readSamples(strings.NewReader(text), map[string][]float64{}); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// A run with figures prints one line for each, and writes its samples in its unit.
func TestRunFigures(t *testing.T) {
	t.Chdir("../..")
	for only, unit := range map[string]string{"SetClosure at": inTime, "cycle of open": inBytes} {
		var out, raw bytes.Buffer
		if err := run(t.Context(), &out, &raw, 1, only, true); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(out.String(), only); got != 1 {
			t.Errorf("%d lines for %q, want 1:\n%s", got, only, &out)
		}
		if !strings.HasSuffix(raw.String(), unit+"\n") {
			t.Errorf("no samples in %s:\n%s", unit, &raw)
		}
	}
}

// A row without its peer says why it is not measured, and whatever was measured is judged.
func TestTables(t *testing.T) {
	const why = missing("no C compiler")
	third := pair{peer: "y", peerNS: []float64{300}, ownNS: []float64{9}}
	stated := third
	stated.stated = true
	for _, c := range []struct{ table, want string }{
		{resultTable([]result{{row: row{name: "x", most: 2}, missing: why}}), "not measured"},
		{resultTable([]result{{row: row{name: "x", most: 2}, missing: why}}), string(why)},
		{resultTable([]result{{row: row{name: "x", most: 0.02}, pairs: []pair{third}}}),
			"0.030 × │ ≤ 0.02 × │ not reached"},
		{resultTable([]result{{row: row{name: "x", most: 0.02}, pairs: []pair{stated}}}), "stated"},
		{figureTable([]taken{{figure: figure{name: "x"}, missing: why}}), "not measured"},
		{figureTable([]taken{{figure: figure{name: "x"}, missing: why}}), string(why)},
		{figureTable([]taken{{figure: figure{name: "x", unit: inBytes, most: 4096},
			measured: measured{samples: []float64{8192, 1, 2048}}}}),
			"2.0 KiB │ ≤ 4.0 KiB │ reached"},
		{figureTable([]taken{{figure: figure{name: "x", unit: inTime, most: 10},
			measured: measured{samples: []float64{11}}}}), "11.0 ns │ ≤ 10.0 ns │ not reached"},
	} {
		if !strings.Contains(c.table, c.want) {
			t.Errorf("no %q in\n%s", c.want, c.table)
		}
	}
}

// A row whose peer is not installed says so, and the command does not fail.
func TestPeersAreMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, r := range peerRows() {
		m := &meter{ctx: t.Context(), rounds: 1}
		err := r.measure(m)
		var why missing
		if !errors.As(err, &why) || why == "" || len(m.pairs) > 0 {
			t.Errorf("%s: %v, %d pairs, want that the peer is missing", r.name, err, len(m.pairs))
		}
	}
}

// The C library's look-ups are measured by the program that is built for it.
func TestDlsym(t *testing.T) {
	w, err := newWorkshop(t.Context(), t.TempDir())
	if why := missing(""); errors.As(err, &why) {
		t.Skip(why)
	} else if err != nil {
		t.Fatal(err)
	}
	t.Chdir("../..")
	m := &meter{ctx: t.Context(), rounds: 2}
	for _, where := range []string{"d", "h"} {
		if err := w.against(m, 2, where, func(c *chain) (*linker.Library, string) {
			return c.root, c.last
		}); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.pairs) != 2 || len(m.pairs[0].peerNS) != 2 {
		t.Errorf("%+v, want 2 pairs of 2 samples", m.pairs)
	}
}

// A module with the old section has the new one afterwards, and nothing else is changed.
func TestRenewed(t *testing.T) {
	info := dylink.Info{Legacy: true, MemorySize: 1000, MemoryAlignment: 4, TableSize: 3}
	old, err := library(info, func(b *builder) { add(b) })
	if err != nil {
		t.Fatal(err)
	}
	got, err := renewed(old)
	if err != nil {
		t.Fatal(err)
	}
	info.Legacy = false
	want, err := library(info, func(b *builder) { add(b) })
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
	if _, err := renewed([]byte("no module")); err == nil {
		t.Error("no error for what is no module")
	}
}

// What so many of a hundred are at most is one of them.
func TestPercentile(t *testing.T) {
	x := make([]float64, 200)
	for i := range x {
		x[i] = float64(len(x) - i)
	}
	for n, want := range map[int]float64{0: 1, 50: 101, 99: 199, 100: 200} {
		if got := percentile(x, n); got != want {
			t.Errorf("%d of a hundred: %v, want %v", n, got, want)
		}
	}
}
