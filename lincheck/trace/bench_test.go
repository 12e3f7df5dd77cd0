package trace_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/trace"
	"github.com/lockstep-wasm/lockstep/linker/coord"
	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

// eventRate reports how many events a benchmark handles in a second, if it handles n in each loop.
func eventRate(b *testing.B, n int) {
	b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkValidate replays traces: what it costs to decide, with all invariants checked after each
// event.
func BenchmarkValidate(b *testing.B) {
	file := record(b, 1)
	tr := read(b, file)
	b.Run("memory", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := trace.Validate(tr); err != nil {
				b.Fatal(err)
			}
		}
		eventRate(b, len(tr.Events))
	})
	b.Run("file", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := trace.ValidateFile(bytes.NewReader(file)); err != nil {
				b.Fatal(err)
			}
		}
		eventRate(b, len(tr.Events))
	})
}

// BenchmarkRecord is what a recorder adds to each event of a linker.
func BenchmarkRecord(b *testing.B) {
	for _, groups := range []uint8{4, 64} {
		b.Run(protocol.Group(groups-1).String(), func(b *testing.B) {
			s := protocol.NewState(protocol.Config{Groups: 64, Initial: groups, MaxLog: 4,
				Features: protocol.AllFeatures})
			rec := trace.NewRecorder(io.Discard)
			e := coord.Event{State: &s, Step: protocol.Step{Action: protocol.ActUnpark}}
			b.ReportAllocs()
			for b.Loop() {
				e.Seq++
				rec.Observe(e)
			}
			eventRate(b, 1)
		})
	}
}
