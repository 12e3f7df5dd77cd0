package explored_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

// scenario names the scenario that TestScenario explores.
const scenario = "EXPLORED_SCENARIO"

// One scenario, from the environment: TestSeededFaults runs it on linkers that have a fault.
func TestScenario(t *testing.T) {
	text := os.Getenv(scenario)
	if text == "" {
		t.Skip("TestSeededFaults runs it")
	}
	c := linked(t, 1000)
	c.Custom = strings.Fields(text)
	c.Options.Duration = time.Hour // the schedules are limited, not the time
	explore.Linearizable(t, c)
}

// Faults that take two groups at the same time are found in the real linker, by a few operations,
// or by one of the programs that are explored here, and the table shows the accesses that matter.
func TestSeededFaults(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	all, err := faults.Load(root)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		fault, scenario string
		want            []string
	}{
		{"linker: no second look-up in Symbol", "/SymbolFirst(0)|SymbolFirst(1)/", []string{
			"not linearizable", "one function, several pointers", "★", "committed.Load",
			"/SymbolFirst(0)|SymbolFirst(1)/@"}},
		{"linker: records are visible before the commit", "/Open(0)|Readers(1)/", []string{
			"not linearizable", "★", "committed.Store", "/Open(0)|Readers(1)/@"}},
		{"runtime: attached before it is built", "/Spawn(0)|Open(1)/", []string{
			"race", "★", "spawn.go:", "load.go:", "/Spawn(0)|Open(1)/@"}},
		{"runtime: no part while waiting for the lease", "/SymbolFirst(0)|SymbolFirst(1)/",
			[]string{"deadlock: ", "/SymbolFirst(0)|SymbolFirst(1)/@", "who waits for whom"}},
		{"runtime: the leader does not act for sleepers", "/SymbolFirst(0)|SymbolFirst(1)/",
			[]string{"deadlock: ", "who waits for whom"}},
		{"runtime: who falls asleep does not wake the leader", "/OpenAgain(0)|CloseLibrary(1)/",
			[]string{"deadlock: ", "/OpenAgain(0)|CloseLibrary(1)/@", "who waits for whom"}},
		{"protocol and runtime: leaving without the state lock", "/Open(0)|CloseGroup(1)/",
			[]string{"deadlock: ", "/Open(0)|CloseGroup(1)/@", "who waits for whom"}},
		{"protocol and runtime: no second epoch", "/SymbolFirst(0)|SymbolFirst(1)/",
			[]string{"not linearizable", "★", "/SymbolFirst(0)|SymbolFirst(1)/@"}},
		{"linker: a destructor that runs does not hold its library", "TestHandlesExplored",
			[]string{"a destructor of a library that is unloaded runs"}},
		{"linker: a library is found while its destructors run", "TestClosingExplored",
			[]string{"a library is found while its destructors run", "unload.go:"}},
		{"linker: the list of groups is read without its lock", "/Open(0)|CloseGroup(1)/",
			[]string{"race: ", "life.go:", "/Open(0)|CloseGroup(1)/@"}},
		{"runtime: a naive blocking lock", "/AllocateClosure(0)|Open(1)/",
			[]string{"deadlock: ", "who waits for whom"}},
		{"runtime: duties do not wake", "/SymbolFirst(0)|SymbolFirst(1)/",
			[]string{"deadlock: ", "who waits for whom"}},
		{"runtime: the leader does not shut the gates", "/Open(0)|CallPointer(1)/",
			[]string{"race: ", "/Open(0)|CallPointer(1)/@"}},
		{"linker: a group that is added late is not ended", "TestExitExplored",
			[]string{"group 2 after the exit: <nil>", "★"}},
		{"linker: a context is good for any goroutine", "TestStaysExplored",
			[]string{"the context of another goroutine: <nil>"}},
		{"linker: a stale context is as good as the stay around it", "TestStaysExplored",
			[]string{"the context of an earlier call with another context: <nil>"}},
	} {
		t.Run(c.fault, func(t *testing.T) {
			if i > 2 && testing.Short() {
				t.Skip("some are enough")
			}
			f, ok := faults.Find(all, c.fault)
			if !ok {
				t.Fatal("there is no such fault")
			}
			overlay, err := f.Overlay(root, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("go", "test", "-count=1", "-run=^TestScenario$", ".")
			cmd.Env = append(os.Environ(), scenario+"="+c.scenario, explore.Overlay+"="+overlay)
			if strings.HasPrefix(c.scenario, "Test") {
				cmd.Args[3] = "-run=^" + c.scenario + "$"
			}
			start := time.Now()
			out, err := cmd.CombinedOutput()
			t.Logf("%v\n%s", time.Since(start), out)
			if err == nil {
				t.Fatal("it was not found")
			}
			for _, want := range append(c.want, "to run it again:") {
				if !strings.Contains(string(out), want) {
					t.Errorf("%q is missing", want)
				}
			}
		})
	}
}
