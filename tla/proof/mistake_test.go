package proof

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/tla"
)

// harmless are the switches that break no property of states or steps: what goes wrong without them
// is that something never happens, and only TLC finds that.
var harmless = []string{"Cooperate", "LateClaim", "Wake"}

// Every mistake that TLC finds by an invariant or a property of steps breaks the proof, too. So
// does every other switch but the harmless ones.
func TestSwitchesBreakTheProof(t *testing.T) {
	s, r := load(t), record(t)
	recorded := map[string]MistakeResult{}
	for _, m := range r.Mistakes {
		recorded[m.Mistake] = m
	}
	suite, err := tla.LoadSuite(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	known := append(s.Invariants(), s.Properties()...)
	safety := 0
	for _, m := range suite.Models {
		if m.Kind != tla.KindNegative || !slices.Contains(known, m.Property) {
			continue
		}
		safety++
		name := strings.TrimPrefix(m.Name, "No")
		result, ok := recorded["Off "+name]
		if !ok || result.Survives() || slices.Contains(harmless, name) {
			t.Errorf("%s is found by TLC (%s), and in the proof: %v", m.Name, m.Property, result)
		}
	}
	if safety < 8 {
		t.Errorf("only %d negatives are of states or steps", safety)
	}
	for _, name := range s.module.switches() {
		if result, ok := recorded["Off "+name]; !ok ||
			result.Survives() != slices.Contains(harmless, name) {
			t.Errorf("Off %s: %v", name, result)
		}
	}
}

// What is proved without a guard cannot be TLC's to find: every such guard has its reason in
// guards.json. In other words, each guard that TLC finds missing breaks the proof.
func TestGuardsThatTheProofDoesNotNeed(t *testing.T) {
	data, err := os.ReadFile("../guards.json")
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[string]map[string]string{}
	if err := json.Unmarshal(data, &reasons); err != nil {
		t.Fatal(err)
	}
	guards := 0
	for _, m := range record(t).Mistakes {
		action, rest, ok := strings.Cut(m.Mistake, ", guard ")
		_, text, _ := strings.Cut(rest, ": ")
		if !ok {
			continue
		}
		guards++
		if m.Survives() && reasons[action][text] == "" && reasons["*"][text] == "" {
			t.Errorf("%s: the proof does not need the guard, and it has no reason", m.Mistake)
		}
	}
	if guards < 100 {
		t.Errorf("only %d guards", guards)
	}
}

// TestSampleOfMistakes has z3 refute some recorded obligations again.
func TestSampleOfMistakes(t *testing.T) {
	z3, r := solver(t), record(t)
	mistakes, err := Mistakes(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(mistakes) != len(r.Mistakes) {
		t.Fatalf("%d mistakes, %d on record", len(mistakes), len(r.Mistakes))
	}
	random := rand.New(rand.NewPCG(5, uint64(len(mistakes))))
	for range sampleSize {
		i := random.IntN(len(mistakes))
		want := r.Mistakes[i]
		if mistakes[i].Name != want.Mistake {
			t.Fatalf("%s is on record in the place of %s", want.Mistake, mistakes[i].Name)
		}
		if want.Survives() {
			continue // that takes a while, and TestSampleOfProofs does the like
		}
		c, err := mistakes[i].Refute(t.Context(), z3, Obligation{want.Property, want.Action},
			want.Groups)
		if err != nil || c == nil {
			t.Errorf("%v: counterexample %v, %v", want, c, err)
		}
	}
}
