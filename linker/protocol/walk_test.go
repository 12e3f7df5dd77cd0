package protocol_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
)

var walkOps = []protocol.Op{
	{Kind: protocol.LoadModules, Tag: 1}, {Kind: protocol.ResolveFunction, Tag: 1},
	{Kind: protocol.ResolveFunction, Tag: 2},
	{Kind: protocol.AllocateFunctionTable, Tag: 1}, {Kind: protocol.UnloadModules, Tag: 1},
}

func drawConfig(t *rapid.T) protocol.Config {
	groups := rapid.Uint8Range(1, protocol.MaxGroups).Draw(t, "groups")
	if rapid.Bool().Draw(t, "few groups") {
		groups = 1 + groups%4 // where most steps are possible soon
	}
	return protocol.Config{
		Groups:   groups,
		Initial:  rapid.Uint8Range(1, groups).Draw(t, "initial"),
		MaxLog:   rapid.Uint8Range(1, protocol.LogCapacity).Draw(t, "log"),
		Batch:    rapid.Uint32Range(1, 3).Draw(t, "batch"),
		MaxTable: rapid.Uint32Range(0, 6).Draw(t, "table"),
		Features: protocol.Features(rapid.Uint8Range(0, uint8(protocol.AllFeatures)).Draw(t,
			"features")),
	}
}

// possible lists the steps whose guards hold.
func possible(s *protocol.State, steps []protocol.Step) []protocol.Step {
	var can []protocol.Step
	for _, step := range steps {
		next := *s
		if next.Try(step) == protocol.Done {
			can = append(can, step)
		}
	}
	return can
}

// Random behaviours of configurations that are far too large to explore keep every invariant, and
// end only in ends.
func TestWalksKeepInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawConfig(t)
		var steps []protocol.Step
		for step := range c.Steps(walkOps) {
			// Every pair of slots would be 4,096 spawns: a child takes the next slot.
			if step.Action != protocol.ActSpawn ||
				uint8(step.Child) == (uint8(step.Group)+1)%c.Groups {
				steps = append(steps, step)
			}
		}
		s := protocol.NewState(c)
		for range rapid.IntRange(1, 80).Draw(t, "length") {
			can := possible(&s, steps)
			if len(can) == 0 {
				if !s.Terminated() {
					t.Fatalf("deadlock:\n%s", s)
				}
				return
			}
			step := rapid.SampledFrom(can).Draw(t, "step")
			if err := s.Perform(step); err != nil {
				t.Fatal(err)
			}
			if err := s.Check(); err != nil {
				t.Fatalf("after %s: %v\n%s", step, err, s)
			}
		}
	})
}

// Two states have the same key exactly when they are equal, the same text exactly when they are
// equal, and the same JSON exactly when they are equal.
func TestKeysTellStatesApart(t *testing.T) {
	c := everything(3, 2)
	var steps []protocol.Step
	for step := range c.Steps(walkOps[:4]) {
		steps = append(steps, step)
	}
	byKey, byText, byJSON := map[string]protocol.State{}, map[string]protocol.State{},
		map[string]protocol.State{}
	same := func(kind string, seen map[string]protocol.State, key string, s protocol.State) {
		if other, ok := seen[key]; ok && other != s {
			t.Fatalf("two states have the same %s %q:\n%s\nand\n%s", kind, key, other, s)
		}
		seen[key] = s
	}
	states := map[protocol.State]bool{}
	queue := []protocol.State{protocol.NewState(c)}
	states[queue[0]] = true
	for len(queue) > 0 && len(states) < 8000 {
		s := queue[0]
		queue = queue[1:]
		for _, step := range steps {
			next := s
			if next.Try(step) == protocol.Done && !states[next] {
				states[next] = true
				queue = append(queue, next)
			}
		}
	}
	for s := range states {
		same("key", byKey, string(s.AppendKey(nil)), s)
		same("text", byText, s.TLA(), s)
		data, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		same("JSON", byJSON, string(data), s)
	}
	if len(byKey) != len(states) || len(byText) != len(states) || len(byJSON) != len(states) {
		t.Errorf("%d states have %d keys, %d texts, %d JSON forms", len(states), len(byKey),
			len(byText), len(byJSON))
	}
}

// What is printed can be read again, for every step of a large configuration.
func TestStepsReadWhatTheyPrint(t *testing.T) {
	n := 0
	for step := range everything(protocol.MaxGroups, 1).Steps(walkOps) {
		n++
		got, err := protocol.ParseStep(step.String())
		if err != nil || got != step {
			t.Fatalf("%s reads as %+v (%v)", step, got, err)
		}
	}
	if n < 28*protocol.MaxGroups {
		t.Errorf("only %d steps", n)
	}
}

// An action that is performed allocates nothing, and neither does one that is refused.
func TestActionsDoNotAllocate(t *testing.T) {
	c := everything(8, 4)
	s, next := protocol.NewState(c), new(protocol.State)
	requested, _ := protocol.ParseStep("RequestLease(g1)")
	refused, _ := protocol.ParseStep("GrantLease(g2)")
	if n := testing.AllocsPerRun(100, func() {
		*next = s
		if next.Try(requested) != protocol.Done || next.Try(refused) == protocol.Done {
			t.Error("the guards are wrong")
		}
	}); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
	wholeOperation := parseAll(t,
		join(published, []string{"Arrive(g2)", "Arrive(g3)", "Arrive(g4)", "Broadcast(g1)",
			"Apply(g2)", "Apply(g3)", "Apply(g4)", "Commit(g1)"}))
	if n := testing.AllocsPerRun(100, func() {
		*next = s
		for _, step := range wholeOperation {
			if next.Try(step) != protocol.Done {
				t.Errorf("%v is refused", step)
			}
		}
		if err := next.Check(); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations an operation", n)
	}
}

func parseAll(t testing.TB, texts []string) []protocol.Step {
	t.Helper()
	steps := make([]protocol.Step, len(texts))
	for i, text := range texts {
		step, err := protocol.ParseStep(text)
		if err != nil {
			t.Fatal(err)
		}
		steps[i] = step
	}
	return steps
}

func BenchmarkAction(b *testing.B) {
	for _, groups := range []uint8{2, 8, protocol.MaxGroups} {
		b.Run(fmt.Sprintf("operation of %d groups", groups), func(b *testing.B) {
			texts := join(published)
			for g := 2; g <= int(groups); g++ {
				texts = append(texts, fmt.Sprintf("Arrive(g%d)", g))
			}
			texts = append(texts, "Broadcast(g1)")
			for g := 2; g <= int(groups); g++ {
				texts = append(texts, fmt.Sprintf("Apply(g%d)", g))
			}
			steps := parseAll(b, append(texts, "Commit(g1)"))
			s := protocol.NewState(everything(groups, groups))
			for b.Loop() {
				next := s
				for _, step := range steps {
					if next.Try(step) != protocol.Done {
						b.Fatalf("%v is refused", step)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(steps)), "ns/action")
		})
	}
	b.Run("invariants of 8 groups", func(b *testing.B) {
		s := after(b, everything(8, 8), published...)
		for b.Loop() {
			if err := s.Check(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("key of 8 groups", func(b *testing.B) {
		s := after(b, everything(8, 8), published...)
		var key []byte
		for b.Loop() {
			key = s.AppendKey(key[:0])
		}
	})
}
