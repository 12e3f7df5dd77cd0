package lincheck

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/lockstep-wasm/lockstep/model"
)

// runClients runs clients on goroutines against a linker, each with a program of its own, and
// records them. Between rounds all clients meet, so that there are quiescent moments.
func runClients(rec *Recorder, clients, rounds, perRound int, do func(model.Input) model.Output) {
	recorded := make([]*Client, clients)
	programs := make([]*program, clients)
	for c := range clients {
		recorded[c] = rec.Client()
		programs[c] = newProgram(rand.New(rand.NewPCG(7, uint64(c))).IntN)
	}
	for range rounds {
		var met sync.WaitGroup
		for c := range clients {
			met.Go(func() {
				for range perRound {
					in := programs[c].next()
					recorded[c].Begin(in)
					out := do(in)
					recorded[c].End(out)
					programs[c].learn(in, out)
				}
			})
		}
		met.Wait()
	}
}

// What goroutines do on a correct linker is judged OK, with both kinds of stamps, by number and by
// search.
func TestRecordAndJudge(t *testing.T) {
	tests := []struct {
		name     string
		stamps   Stamps
		numbered bool
	}{
		{"ordered, numbered", Ordered, true},
		{"ordered, unnumbered", Ordered, false},
		{"plain, numbered", Plain, true},
		{"plain, unnumbered", Plain, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			u := toyUniverse()
			u.Rules.Unnumbered = !test.numbered
			rec := NewRecorder(u, 7, test.stamps)
			const clients, rounds, perRound = 4, 40, 8
			runClients(rec, clients, rounds, perRound, newToy(u, test.numbered).do)
			h := rec.History()
			if len(h.Operations) != clients*rounds*perRound {
				t.Fatalf("%d operations were recorded", len(h.Operations))
			}
			if h.Seed != 7 || h.Stamps != test.stamps {
				t.Errorf("seed %d, stamps %v", h.Seed, h.Stamps)
			}
			for _, r := range []Result{Judge(h, Limits{}), Check(h, Limits{})} {
				if r.Verdict != OK {
					t.Errorf("%v", r)
				}
			}
		})
	}
}

// A linker that is wrong once in a while is found out: it gives some symbols a second pointer.
func TestRecordAndFindOut(t *testing.T) {
	u := toyUniverse()
	linker := newToy(u, true)
	wrong := func(in model.Input) model.Output {
		out := linker.do(in)
		if out.Kind == model.KindFunction && in.Handle != 0 && in.Name == "twice" {
			out.Pointer += 1000
		}
		return out
	}
	rec := NewRecorder(u, 7, Ordered)
	runClients(rec, 4, 40, 8, wrong)
	if r := Judge(rec.History(), Limits{}); r.Verdict != Violation {
		t.Errorf("%v", r)
	}
}

func TestRecorderUnknown(t *testing.T) {
	open := openOf("e")
	ok := model.Output{Handle: 1, Commit: 2}
	tests := []struct {
		name    string
		script  func(c *Client)
		clients []int // of the operations
		unknown []bool
	}{
		{"all end", func(c *Client) { c.Begin(open); c.End(ok); c.Begin(open); c.End(ok) },
			[]int{0, 0}, []bool{false, false}},
		{"lost", func(c *Client) { c.Begin(open); c.Lost(); c.Begin(open); c.End(ok) }, []int{0, 1},
			[]bool{true, false}},
		{"ended as unknown",
			func(c *Client) {
				c.Begin(open)
				c.End(model.Output{Unknown: true})
				c.Begin(open)
				c.End(ok)
			}, []int{0, 1}, []bool{true, false}},
		{"begun again", func(c *Client) { c.Begin(open); c.Begin(open); c.End(ok) }, []int{0, 1},
			[]bool{true, false}},
		{"still going on", func(c *Client) { c.Begin(open) }, []int{0}, []bool{true}},
		{"ended without beginning",
			func(c *Client) { c.End(ok); c.Lost(); c.Begin(open); c.End(ok); c.End(ok) }, []int{0},
			[]bool{false}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			rec := NewRecorder(toyUniverse(), 0, Ordered)
			client := rec.Client()
			test.script(client)
			h := rec.History()
			var clients []int
			var unknown []bool
			for _, op := range h.Operations {
				clients = append(clients, op.Client)
				unknown = append(unknown, op.Output.Unknown && op.Return == Never)
			}
			if !slices.Equal(clients, test.clients) || !slices.Equal(unknown, test.unknown) {
				t.Errorf("clients %v, unknown %v", clients, unknown)
			}
			if last := test.clients[len(test.clients)-1]; client.ID() < last {
				t.Errorf("the next operation is client %d's, and the last one was client %d's",
					client.ID(), last)
			}
			if err := h.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func BenchmarkRecord(b *testing.B) {
	in, out := openOf("e"), model.Output{Handle: 1, Read: 1}
	for _, stamps := range []Stamps{Ordered, Plain} {
		b.Run(stamps.String(), func(b *testing.B) {
			rec := NewRecorder(toyUniverse(), 0, stamps)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				c := rec.Client()
				for pb.Next() {
					c.Begin(in)
					c.End(out)
					if len(c.ops) == 1<<12 { // the recording is not what is measured
						c.ops = c.ops[:0]
					}
				}
			})
		})
	}
}
