package drive_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck"
	"github.com/lockstep-wasm/lockstep/lincheck/drive"
	"github.com/lockstep-wasm/lockstep/model"
)

// Every operation of a numbered program has a number, the order of the numbers explains all
// outcomes, and so does the search that does without them.
func TestNumberedPrograms(t *testing.T) {
	ctx := context.Background()
	subject := newSubject(t, ctx)
	commits, reads := 0, 0
	for seed := range uint64(4) {
		p := drive.Program{Seed: seed, Groups: 4, Clients: 8, Rounds: 10, Operations: 8,
			Cancels: seed%2 == 1, Numbered: true}
		h, err := subject.Run(ctx, p, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := lincheck.CheckOrder(h, lincheck.Limits{}); r.Verdict != lincheck.OK {
			t.Fatalf("seed %d, by order: %s", seed, r)
		}
		if r := lincheck.Check(h, lincheck.Limits{}); r.Verdict != lincheck.OK {
			t.Errorf("seed %d, by search: %s", seed, r)
		}
		for _, o := range h.Operations {
			if o.Output.Commit != 0 {
				commits++
			} else if o.Output.Read != 0 {
				reads++
			}
		}
	}
	if commits < 100 || reads < 100 {
		t.Errorf("%d commits, %d reads", commits, reads)
	}
}

// A numbered history with one changed outcome is a violation, whichever operation it is.
func TestCorruptedNumberedHistory(t *testing.T) {
	ctx := context.Background()
	p := drive.Program{Seed: 3, Groups: 2, Clients: 4, Rounds: 4, Operations: 8, Numbered: true}
	h, err := newSubject(t, ctx).Run(ctx, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	corrupted := 0
	for i := range h.Operations {
		o := &h.Operations[i]
		saved := o.Output
		switch {
		case o.Output.Err != "":
			o.Output.Err = ""
		case o.Output.Trap != "":
			o.Output.Trap = ""
		case o.Output.Commit != 0 && (o.Input.Op == model.OpOpen || o.Input.Op == model.OpClose):
			o.Output.Commit, o.Output.Read = 0, o.Output.Commit // it says that it changed nothing
		case o.Input.Op == model.OpCall || o.Input.Op == model.OpCallPointer:
			o.Output.Result++
		default:
			continue
		}
		corrupted++
		if r := lincheck.CheckOrder(h, lincheck.Limits{}); r.Verdict != lincheck.Violation {
			t.Errorf("%s: %s", o, r)
		}
		o.Output = saved
	}
	if corrupted < 20 {
		t.Errorf("only %d operations to corrupt", corrupted)
	}
}

// BenchmarkMillion records and judges a history of a million operations of the real linker, once
// for each loop. The time that counts is that of judging; heap-MiB is what is in use after it, the
// history included.
func BenchmarkMillion(b *testing.B) {
	ctx := context.Background()
	subject := newSubject(b, ctx)
	b.StopTimer()
	for i := range b.N {
		p := drive.Program{Seed: uint64(i), Groups: 4, Clients: 8, Rounds: 125, Operations: 1000,
			Numbered: true}
		h, err := subject.Run(ctx, p, nil)
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC()
		b.StartTimer()
		r := lincheck.CheckOrder(h, lincheck.Limits{})
		b.StopTimer()
		if r.Verdict != lincheck.OK {
			b.Fatal(r)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		b.ReportMetric(float64(m.HeapInuse)/(1<<20), "heap-MiB")
		b.ReportMetric(float64(m.Sys)/(1<<20), "sys-MiB")
		b.ReportMetric(float64(len(h.Operations)), "operations")
		runtime.KeepAlive(h)
	}
}
